"""One connection through a `FaultProxy`: two sockets, and the faults of the bytes between them."""

from __future__ import annotations

import enum
import random
import socket
import struct
import sys
from typing import TYPE_CHECKING, Literal

import attrs
import trio

from .frame_splitter import FrameSplitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from .line_faults import End, LineFaults

__all__ = ["FaultyLine"]

_READ = 64 * 1024
_UNDER_WAY = 64  # the most pieces between the reader and the writer of a direction
_TICKS = 50  # writes a second in a direction with a limited rate
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # with this, closing sends RST

_Toward = Literal["client", "server"]


class _State(enum.Enum):
    OPEN = "bytes are passed on, with the faults"
    ENDED = "both sides were sent the end of the stream; what they still send is discarded"
    HALF_OPEN = "nothing is passed on, and neither side was notified"
    CLOSED = "both sockets are closed"


@attrs.define(eq=False)
class FaultyLine:
    """Passes bytes between a client and the server.

    Attributes:
        number: the number of the connection, counted from 1.
        client, server: the two sockets.
        faults: the faults of the connection.
        websocket: whether the client requested a WebSocket upgrade; otherwise it is REST.
        passed: the number of bytes passed on so far, by the side that received them.
    """

    number: int
    client: trio.SocketStream = attrs.field(repr=False)
    server: trio.SocketStream = attrs.field(repr=False)
    faults: LineFaults
    websocket: bool
    _note: Callable[[int, str], None] = attrs.field(repr=False)
    _draw: random.Random = attrs.field(repr=False)
    passed: dict[_Toward, int] = attrs.field(factory=lambda: {"client": 0, "server": 0}, init=False)
    _state: _State = attrs.field(default=_State.OPEN, init=False)

    async def run(self, first: bytes) -> None:
        """Pass bytes on until both sides have closed; *first* is what the client has already sent."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._direction, "server", self.client, self.server, first)
                nursery.start_soon(self._direction, "client", self.server, self.client, b"")
        finally:
            self._close()

    def end(self, how: End) -> None:
        """End the connection now: see `LineFaults.end`. Idempotent, except that `reset` also ends a half-open one."""
        if self._state is _State.CLOSED or (self._state is not _State.OPEN and how != "reset"):
            return
        self._note(self.number, how)
        if how == "half-open":
            self._state = _State.HALF_OPEN
        elif how == "close":
            self._state = _State.ENDED
            _shut(self.client)
            _shut(self.server)
        else:
            self._reset()

    async def _direction(
        self, toward: _Toward, source: trio.SocketStream, sink: trio.SocketStream, first: bytes
    ) -> None:
        """Read from *source*, and let a second task write each piece to *sink* when it is due."""
        send, receive = trio.open_memory_channel[tuple[float, bytes]](_UNDER_WAY)
        try:
            async with trio.open_nursery() as pair:
                pair.start_soon(self._write, toward, sink, receive)
                await self._read(toward, source, first, send)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            self._reset()  # one side was reset or has vanished, so the other is reset, too
        if self._state is _State.HALF_OPEN:
            self._reset()  # one side has closed, and the other would never be notified

    async def _read(
        self,
        toward: _Toward,
        source: trio.SocketStream,
        data: bytes | bytearray,
        send: trio.MemorySendChannel[tuple[float, bytes]],
    ) -> None:
        passed_on = self._frame_faults(toward)
        async with send:
            data = data or await source.receive_some(_READ)
            while data:
                for piece in passed_on(bytes(data)) if self._state is _State.OPEN else ():
                    due = trio.current_time() + self.faults.delay + self._draw.uniform(0, self.faults.jitter)
                    await send.send((due, piece))
                data = await source.receive_some(_READ)

    async def _write(
        self, toward: _Toward, sink: trio.SocketStream, receive: trio.MemoryReceiveChannel[tuple[float, bytes]]
    ) -> None:
        async with receive:
            async for due, piece in receive:
                await trio.sleep_until(due)
                await self._hand_on(toward, sink, piece)
        if self._state is _State.OPEN:
            await sink.send_eof()

    async def _hand_on(self, toward: _Toward, sink: trio.SocketStream, piece: bytes) -> None:
        rate = self.faults.rate
        step = len(piece) if rate is None else max(1, int(rate / _TICKS))
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            if rate is not None:
                await trio.sleep(len(part) / rate)
            if self._state is not _State.OPEN:
                return
            left = self._left(toward)
            await sink.send_all(part if left is None else part[:left])
            self.passed[toward] += len(part) if left is None else min(len(part), left)
            if left is not None and len(part) >= left:
                self.end(self.faults.end)

    def _left(self, toward: _Toward) -> int | None:
        """Return how many bytes may still be sent to that side; `None` if there is no limit."""
        if self.faults.end_after is None or toward != self.faults.toward:
            return None
        return self.faults.end_after - self.passed[toward]

    def _frame_faults(self, toward: _Toward) -> Callable[[bytes], list[bytes]]:
        """Return a function that drops and duplicates frames in the bytes it is given, if the faults demand that."""
        faults = self.faults
        if not self.websocket or toward != faults.toward or not (faults.drop_frames or faults.duplicate_frames):
            return lambda data: [data]
        splitter, count = FrameSplitter(), 0

        def passed_on(data: bytes) -> list[bytes]:
            nonlocal count
            pieces = []
            for piece in splitter.split(data):
                pieces += [piece.data] * (self._times(count) if piece.message else 1)
                count += piece.message
            return pieces

        return passed_on

    def _times(self, frame: int) -> int:
        """Return how many times a frame is sent: 0, 1 or 2."""
        if frame in self.faults.drop_frames:
            self._note(self.number, f"dropped frame {frame}")
            return 0
        if frame in self.faults.duplicate_frames:
            self._note(self.number, f"duplicated frame {frame}")
            return 2
        return 1

    def _reset(self) -> None:
        for stream in (self.client, self.server):
            if stream.socket.fileno() >= 0:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._close()

    def _close(self) -> None:
        self._state = _State.CLOSED
        self.client.socket.close()
        self.server.socket.close()


def _shut(stream: trio.SocketStream) -> None:
    try:
        stream.socket.shutdown(socket.SHUT_WR)
    except OSError:
        return  # that side has already closed
