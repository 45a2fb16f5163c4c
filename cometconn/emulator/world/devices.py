"""One WebSocket connection without its I/O: the queue of what to write, and what is known about the client."""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeAlias

import attrs
import trio

from cometconn.emulator.jsontext import Json, render
from cometconn.emulator.limits import DEFAULT_LIMITS

__all__ = ["Close", "Device", "Line", "Order", "Send"]


class Line(Protocol):
    """What can be done to the byte stream below a WebSocket. Both methods act at once."""

    def reset(self) -> None:
        """Break the connection without a close frame (TCP: RST), and report it to `World.wire()`. Idempotent."""

    def silence(self) -> None:
        """Make the connection half-open: keep it, but write nothing and ignore all that comes, close frames included."""


@attrs.frozen
class Send:
    """Write a text frame.

    Attributes:
        text: its text.
    """

    text: str


@attrs.frozen
class Close:
    """Write a close frame and wait for the client's. No order follows.

    Attributes:
        code: its code.
        reason: its reason.
    """

    code: int
    reason: str


Order: TypeAlias = Send | Close


@attrs.define(eq=False)
class Device:
    """One WebSocket connection of a client.

    The transport makes it when a client requests the upgrade, and writes what `next_order()`
    returns. The `World` fills in the rest.

    Attributes:
        line: the byte stream below.
        path: the path of the upgrade request.
        limit: how many frames may wait to be written.
        port: the port that the client's socket has on its machine; `None` without a socket.
        number: the connection's number in the log; 0 before `World.asked()`.
        since: when it was requested, on the log's clock.
        uid: the user that its auth frame names; `None` before.
        device_id: the client's session id, from its auth frame.
        authenticated: the server accepted the auth frame.
        subscription: the auth frame's `presenceSubscription`.
        roles: the auth frame's `roles`.
        client: the auth frame's `params`, which describe the client: `appInfo`, `platform`, `userAgent`.
        silent: `silence()` was called.
        open: the upgrade was accepted.
        gone: the connection is over.
        close_in: the code of the client's close frame, 0 if it had none; `None` until it came.
        close_out: the server's close frame was written.
    """

    line: Line
    path: str = "/"
    limit: int = DEFAULT_LIMITS.waiting_frames
    port: int | None = None
    number: int = attrs.field(default=0, init=False)
    since: float = attrs.field(default=0.0, init=False)
    uid: str | None = attrs.field(default=None, init=False)
    device_id: str = attrs.field(default="", init=False)
    authenticated: bool = attrs.field(default=False, init=False)
    subscription: str = attrs.field(default="NONE", init=False)
    roles: frozenset[str] = attrs.field(default=frozenset(), init=False)
    client: Json = attrs.field(factory=dict, init=False, repr=False)
    silent: bool = attrs.field(default=False, init=False)
    open: bool = attrs.field(default=False, init=False)
    gone: bool = attrs.field(default=False, init=False)
    close_in: int | None = attrs.field(default=None, init=False)
    close_out: bool = attrs.field(default=False, init=False)
    _outbox: deque[Order] = attrs.field(factory=deque, init=False, repr=False)
    _closing: bool = attrs.field(default=False, init=False, repr=False)
    _changed: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False, repr=False)

    @property
    def waiting(self) -> int:
        """How many frames wait to be written."""
        return len(self._outbox)

    def send(self, text: str) -> None:
        """Queue a text frame. It is dropped when the connection is closing; a full queue resets the connection."""
        if self.silent or self.gone or self._closing:
            return
        if len(self._outbox) >= self.limit:
            self.reset()
            return
        self._outbox.append(Send(text))
        self._changed.unpark_all()

    def send_json(self, frame: Json) -> None:
        """Queue a frame, given as an object."""
        self.send(render(frame))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Queue a close frame behind the frames that wait. Later calls change nothing.

        Before the upgrade is accepted there is no WebSocket to close: the connection is reset.
        """
        if self.silent or self.gone or self._closing:
            return
        if not self.open:
            self.reset()
            return
        self._closing = True
        self._outbox.append(Close(code, reason))
        self._changed.unpark_all()

    def reset(self) -> None:
        """Break the connection now, and drop what waits."""
        self._outbox.clear()
        self.line.reset()

    def silence(self) -> None:
        """Make the connection half-open now, and drop what waits."""
        self.silent = True
        self._outbox.clear()
        self.line.silence()

    async def next_order(self) -> Order:
        """Wait for the next order. For one task only; a cancelled wait loses no order."""
        await trio.lowlevel.checkpoint()
        while not self._outbox:
            await self._changed.park()
        return self._outbox.popleft()
