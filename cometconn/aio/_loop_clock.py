"""Trio's clock in a guest run: the clock of the asyncio loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    import asyncio

__all__ = ["LoopClock"]

_SAME = 10.0
"""Seconds. A loop whose time is closer than this to `time.monotonic()` counts in it: uvloop's time is that of the last
turn of the loop, so it may be late by as long as a callback has run."""


class LoopClock(trio.abc.Clock):
    """Counts as `loop.time()` does, so that every time in a status, an event or a detail is the loop's.

    It reads `time.monotonic()`, on which the loops of asyncio and uvloop are built, and not `loop.time()`, because
    uvloop's changes only from turn to turn of the loop and by whole milliseconds: `ping()` measures less than that. The
    clock of another loop is followed at the distance that it had when the clock was made.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        distance = loop.time() - time.monotonic()
        self._distance = 0.0 if abs(distance) < _SAME else distance

    def start_clock(self) -> None:
        """Do nothing: it runs already."""

    def current_time(self) -> float:
        """Return the time, in seconds."""
        return time.monotonic() + self._distance

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return how long it is until *deadline*, in seconds."""
        return deadline - self.current_time()
