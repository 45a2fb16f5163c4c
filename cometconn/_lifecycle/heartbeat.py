"""When to ping, and when silence means that the link is lost."""

from __future__ import annotations

import math

import attrs

__all__ = ["Heartbeat"]

_SPREAD = 0.1  # seconds over which the first pings of clients that connect at the same time are spread


@attrs.define(eq=False)
class Heartbeat:
    """The keepalive of one link.

    Attributes:
        interval: seconds between two keepalive pings.
        timeout: seconds without any inbound byte after a ping that mean loss.
        next_ping: when the next keepalive ping is due; `inf` before `start()`.
    """

    interval: float
    timeout: float
    next_ping: float = attrs.field(default=math.inf, init=False)
    _pinged_at: float | None = attrs.field(default=None, init=False)  # the oldest ping that no byte has followed
    _paused: bool = attrs.field(default=False, init=False)

    def start(self, now: float, jitter: float = 0.5) -> None:
        """Begin: the link is authenticated.

        Clients that connect at the same time would go on to ping at the same time, and dozens of pings in one pass of
        Trio's scheduler make leases end late. *jitter*, from 0 to 1, spreads their first pings over 0.1 s.
        """
        self.next_ping = now + self.interval + (jitter - 0.5) * min(_SPREAD, self.interval / 10)

    def keepalive_sent(self, now: float) -> None:
        """Set the time of the next keepalive ping.

        A ping that was sent late hardly moves the later ones. This keeps the pings of thousands of clients that were
        held up together from staying synchronised.
        """
        self.next_ping = max(self.next_ping, now - self.interval / 2) + self.interval

    def pinged(self, now: float) -> None:
        """Note that a ping was queued. The oldest one that no byte has followed counts, whether it was written or not.

        Behind a blocked write it may never be written; a server that neither reads nor sends is lost all the same.
        """
        if self._pinged_at is None:
            self._pinged_at = now

    def received(self) -> bool:
        """Note that bytes came: whatever they are, the server is alive. Return whether a ping was waiting for some."""
        if self._pinged_at is None:
            return False
        self._pinged_at = None
        return True

    def machine_slept(self, now: float) -> None:
        """The machine slept: no pong is overdue, and a ping is due now to find out whether the server is there."""
        self._pinged_at = None
        if self.next_ping < math.inf:
            self.next_ping = now

    def pause(self) -> None:
        """Judge nothing until `resume()`: while messages are being processed the socket is not read."""
        self._paused = True

    def restart(self, now: float) -> None:
        """Count the silence from now: an event stream was full, so nothing was read meanwhile."""
        if self._pinged_at is not None:
            self._pinged_at = now

    def resume(self) -> bool:
        """Judge again: the socket is read. Return whether a ping is waiting for bytes."""
        self._paused = False
        return self._pinged_at is not None

    @property
    def silent_at(self) -> float:
        """From when on a read that finds nothing means loss; `inf` while no ping waits for bytes, and while paused."""
        if self._paused or self._pinged_at is None:
            return math.inf
        return self._pinged_at + self.timeout

    def is_silent(self, read_at: float) -> bool:
        """Return whether the link is lost, given that a read that was under way at *read_at* has found nothing since.

        When this process was held up, for however long, the answer may lie in the socket's buffer. So the time alone
        means nothing before the socket was read after it.
        """
        return read_at >= self.silent_at
