"""One WebSocket, as the world sees it: a queue of what to say, and a line to cut."""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeAlias

import attrs
import trio

from .jsontext import Json, render

__all__ = ["OUTBOX_LIMIT", "Close", "Device", "Line", "Order", "Send"]

OUTBOX_LIMIT = 1_024
"""So many frames wait for a client that does not read; then it is reset, as overloaded servers do."""


class Line(Protocol):
    """What the world can do to the byte stream below a WebSocket. Both act at once."""

    def reset(self) -> None:
        """Break the connection without a goodbye (TCP: RST), and tell `World.wire` of it. Idempotent."""

    def silence(self) -> None:
        """Go half-open: from now on write nothing, ignore what comes, answer no Close, keep the connection."""


@attrs.frozen
class Send:
    """Write this text frame."""

    text: str


@attrs.frozen
class Close:
    """Write a close frame and wait for the answer. No order follows."""

    code: int
    reason: str


Order: TypeAlias = Send | Close


@attrs.define(eq=False)
class Device:
    """One WebSocket connection of a client.

    The door makes it when an upgrade is asked for, and drains it with `next_order()`.
    The world fills in the rest.

    Attributes:
        line: the bytes below.
        path: where the client asked for the upgrade.
        limit: how many frames may wait.
        number: the connection's number in the log; 0 until the world knows the device.
        uid: who it says it is, from its auth frame; `None` before.
        device_id: the client's session id, from its auth frame.
        authenticated: the server accepted the auth frame.
        subscription: the auth frame's `presenceSubscription`.
        roles: the auth frame's `roles`.
        silent: `silence()` was called.
        open: the upgrade was accepted.
        gone: the connection is over.
        close_in: the client's close frame came, with this code (0 for none).
        close_out: our close frame was written.
    """

    line: Line
    path: str = "/"
    limit: int = OUTBOX_LIMIT
    number: int = attrs.field(default=0, init=False)
    uid: str | None = attrs.field(default=None, init=False)
    device_id: str = attrs.field(default="", init=False)
    authenticated: bool = attrs.field(default=False, init=False)
    subscription: str = attrs.field(default="NONE", init=False)
    roles: frozenset[str] = attrs.field(default=frozenset(), init=False)
    silent: bool = attrs.field(default=False, init=False)
    open: bool = attrs.field(default=False, init=False)
    gone: bool = attrs.field(default=False, init=False)
    close_in: int | None = attrs.field(default=None, init=False)
    close_out: bool = attrs.field(default=False, init=False)
    _outbox: deque[Order] = attrs.field(factory=deque, init=False, repr=False)
    _closing: bool = attrs.field(default=False, init=False, repr=False)
    _news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False, repr=False)

    def send(self, text: str) -> None:
        """Queue a text frame. Dropped when nobody can get it any more; a full queue resets the connection."""
        if self.silent or self.gone or self._closing:
            return
        if len(self._outbox) >= self.limit:
            self.reset()
            return
        self._outbox.append(Send(text))
        self._news.unpark_all()

    def send_json(self, frame: Json) -> None:
        """Queue a frame, given as an object."""
        self.send(render(frame))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Queue the goodbye, behind the frames that wait. Later calls change nothing.

        Where the upgrade hangs there is no WebSocket to close: the connection is reset.
        """
        if self.silent or self.gone or self._closing:
            return
        if not self.open:
            self.reset()
            return
        self._closing = True
        self._outbox.append(Close(code, reason))
        self._news.unpark_all()

    def reset(self) -> None:
        """Break the connection now, whatever waits."""
        self._outbox.clear()
        self.line.reset()

    def silence(self) -> None:
        """Go half-open now, whatever waits."""
        self.silent = True
        self._outbox.clear()
        self.line.silence()

    async def next_order(self) -> Order:
        """Wait for the next thing to write. One task only; a cancelled wait takes nothing away."""
        await trio.lowlevel.checkpoint()
        while not self._outbox:
            await self._news.park()
        return self._outbox.popleft()
