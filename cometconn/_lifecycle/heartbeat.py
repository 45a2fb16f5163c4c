"""When to ping, and when silence means that the link is lost."""

from __future__ import annotations

import math

import attrs

__all__ = ["Heartbeat"]

_SPREAD = 0.1  # seconds over which clients that connect together begin to ping


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
        """Note that a ping was queued. The oldest one that no byte has followed counts, written or not.

        Behind a blocked write it may never leave; a server that neither reads nor says anything is lost all the same.
        """
        if self._asked is None:
            self._asked = now

    def heard(self) -> bool:
        """Note that bytes came: whatever they are, the server is alive. Return whether that was asked."""
        if self._asked is None:
            return False
        self._asked = None
        return True

    def woke(self, now: float) -> None:
        """Note that the machine slept: no answer is overdue, and a ping will tell whether the server is still there."""
        self._asked = None
        if self.next_ping < math.inf:
            self.next_ping = now

    def pause(self) -> None:
        """Judge nothing: what was read is being taken, so the socket is not read, and silence says nothing."""
        self._paused = True

    def restart(self, now: float) -> None:
        """Count from now what was asked before: an event stream was full, so nothing was read meanwhile."""
        if self._asked is not None:
            self._asked = now

    def resume(self) -> bool:
        """Judge again: the socket is read. Return whether something is asked."""
        self._paused = False
        return self._asked is not None

    @property
    def silent_at(self) -> float:
        """From when on a read that finds nothing means that the link is lost; `inf` while nothing is asked, or paused."""
        if self._paused or self._asked is None:
            return math.inf
        return self._asked + self.timeout

    def is_silent(self, read_at: float) -> bool:
        """Judge the link: a read that was under way at *read_at* has found nothing since.

        When this process was held up, for however long, the answer may lie in the socket's buffer. So that the
        time is over means nothing before the socket was read after it.
        """
        return read_at >= self.silent_at
