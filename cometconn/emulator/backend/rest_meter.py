"""Counts REST requests, for the faults that are about a number of them."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from .responses import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.emulator.faults import Faults

__all__ = ["RestMeter"]


class RestMeter:
    """Counts the requests of the current window, and those that the fault `rest` concerned.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._window_began = -math.inf
        self._in_window = 0
        self._concerned = 0

    def restart(self) -> None:
        """Begin a new window with the next request, and count from 0."""
        self._window_began = -math.inf
        self._concerned = 0

    def concerns(self, faults: Faults) -> bool:
        """Count a request that the fault `rest` concerns, and return whether that fault has not ended yet."""
        self._concerned += 1
        return faults.rest_times is None or self._concerned <= faults.rest_times

    def check_limit(self, faults: Faults) -> None:
        """Count a request, and refuse it beyond `rest_limit`."""
        if faults.rest_limit is None:
            return
        now = self._clock()
        if now - self._window_began >= faults.rest_window:
            self._window_began, self._in_window = now, 0
        self._in_window += 1
        if self._in_window > faults.rest_limit:
            left = math.ceil(self._window_began + faults.rest_window - now)
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "TOO_MANY_REQUEST",
                f"More than {faults.rest_limit} requests in {faults.rest_window:g} seconds.",
                {
                    "retry-after": str(left),
                    "x-rate-limit-limit": str(faults.rest_limit),
                    "x-rate-limit-remaining": "0",
                },
            )
