"""When to ping, and when silence means that the link is lost."""

from __future__ import annotations

import math

import attrs

__all__ = ["Heartbeat"]

_LATE = 0.5  # a look that is later than this was held up by us, not by the server
_SPREAD = 0.1  # seconds over which clients that connect together begin to ping
_GRACE = 1.0  # then what has arrived meanwhile is read first


@attrs.define(eq=False)
class Heartbeat:
    """The pulse of one link. It belongs to the link and dies with it.

    Attributes:
        interval: seconds between two keepalive pings.
        timeout: seconds without any inbound byte after a ping that mean loss.
        next_ping: when the next keepalive ping is due; `inf` before `start()`.
    """

    interval: float
    timeout: float
    next_ping: float = attrs.field(default=math.inf, init=False)
    _asked: float | None = attrs.field(default=None, init=False)
    _paused: bool = attrs.field(default=False, init=False)
    _graced: bool = attrs.field(default=False, init=False)

    def start(self, now: float, jitter: float = 0.5) -> None:
        """Begin to count: the link is authenticated.

        Clients that connect together would ping together for ever after, and dozens of pings in one pass of Trio's
        scheduler make everybody's leases late. *jitter*, from 0 to 1, puts them a moment apart.
        """
        self.next_ping = now + self.interval + (jitter - 0.5) * min(_SPREAD, self.interval / 10)

    def keepalive_sent(self, now: float) -> None:
        """Set the time of the keepalive ping after this one.

        A late one hardly moves those after it: what holds up thousands of clients at one time
        would else make them ping at one time for ever after.
        """
        self.next_ping = max(self.next_ping, now - self.interval / 2) + self.interval

    def pinged(self, now: float) -> None:
        """Note that a ping was queued. The oldest one that nothing followed counts."""
        if self._asked is None:
            self._asked = now

    def heard(self) -> bool:
        """Note that bytes came: whatever they are, the server is alive. Return whether that was asked."""
        if self._asked is None:
            return False
        self._asked = None
        self._graced = False
        return True

    def woke(self, now: float) -> None:
        """Note that the machine slept: no answer is overdue, and a ping will tell whether the server is still there."""
        self._asked = None
        self._graced = False
        if self.next_ping < math.inf:
            self.next_ping = now

    def pause(self) -> None:
        """Stop the clock: we have stopped reading, so silence says nothing."""
        self._paused = True

    def resume(self, now: float) -> bool:
        """Start the clock again, from now. Return whether it runs: something is asked."""
        self._paused = False
        if self._asked is None:
            return False
        self._asked = now
        return True

    @property
    def silent_at(self) -> float:
        """When the link counts as lost unless bytes come first; `inf` while nothing is asked."""
        if self._paused or self._asked is None:
            return math.inf
        return self._asked + self.timeout

    def is_silent(self, now: float) -> bool:
        """Judge the link. A look that comes late is forgiven once, for a second.

        When this process was held up (it slept, or its loop was blocked), the answer may
        well lie in the socket's buffer: give the reader time to find it.
        """
        late = now - self.silent_at
        if late < 0:
            return False
        if late > _LATE and not self._graced:
            self._graced = True
            self._asked = now + _GRACE - self.timeout
            return False
        return True
