"""The place of a request among those that run at a time, and its time limit."""

from __future__ import annotations

import math
from typing import final

import trio

__all__ = ["Turn"]


@final
class Turn:
    """The place of a request, and its time limit. A plain class: every new process that opens a client makes it.

    Attributes:
        what: the request for error messages.
        timeout: how long the request, or each piece of a file, may take in seconds.
        fault: what the error states if the limit is exceeded.
        is_sent: whether the request was sent, or may have been.
        scope: ends the request at its deadline.
    """

    __slots__ = ("fault", "is_sent", "scope", "timeout", "what")

    def __init__(self, what: str, timeout: float, fault: str) -> None:
        self.what = what
        self.timeout = timeout
        self.fault = fault
        self.is_sent = False
        self.scope: trio.CancelScope | None = None

    def began(self, fault: str) -> None:
        """Note that it is sent now; *fault* is what the error states from now on."""
        self.fault, self.is_sent = fault, True

    def progressed(self) -> None:
        """Begin the time limit anew: a piece of a file was sent, or another is wanted."""
        assert self.scope is not None, "it has begun"
        self.fault = "made no progress for"
        self.scope.deadline = trio.current_time() + self.timeout

    def pause(self) -> None:
        """Let no limit run: a piece was received, and is being used."""
        assert self.scope is not None, "it has begun"
        self.scope.deadline = math.inf
