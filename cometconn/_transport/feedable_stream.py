"""The stream that trio-websocket takes for its socket, and what it takes for its nursery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from cometconn._lot import Lot

from .bare_socket import write_nowait
from .frames import is_close_frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["FeedableStream", "ReaderNursery"]

_MOST_KEPT: Final = 2048  # bytes of pongs that wait to be written


class FeedableStream(trio.abc.Stream):
    """Between trio-websocket and the real stream: bytes in are what `feed()` was given, bytes out leave in whole frames.

    The receive loop is the one that reads the socket: it sees the end of the stream
    first, decides when to stop reading, and knows (`wants_more`) when trio-websocket has
    digested all it was fed. Closing the pipe leaves the real stream alone.

    No frame that trio-websocket writes waits for the socket, because its reader would wait with it, and the receive
    loop with its reader: a server that does not read would never be found out. `send_all()` keeps the frame, which
    leaves behind the one that is being written, at once or in a task. What it keeps is bounded: pongs that do not leave
    are dropped for a newer one, since only the most recent ping must be answered (RFC 6455, section 5.5.3), and a close
    frame takes the place of all of them.

    Attributes:
        closed: trio-websocket has closed the pipe.
        closing: a close frame has been accepted for sending: nothing is accepted behind it.
        broken: the real stream takes no more.
        sending: a frame of `write()` is under way; for good, if that was cancelled: then the frame is torn.
        on_sent: called when the close frame is written.
        nursery: where the task that writes can be started.
    """

    __slots__ = (
        "__weakref__",
        "_eof",
        "_fed",
        "_flushed",
        "_flushing",
        "_hungry",
        "_next",
        "_on_broken",
        "_on_change",
        "_requested",
        "_rest",
        "_stream",
        "broken",
        "closed",
        "closing",
        "nursery",
        "on_sent",
        "sending",
        "wants_more",
    )

    def __init__(
        self, stream: trio.abc.Stream, on_change: Callable[[], object], on_broken: Callable[[Exception], object]
    ) -> None:
        self._stream = stream
        self._fed = bytearray()
        self._eof = False
        self._requested = False
        self._hungry = Lot()
        self._on_change = on_change
        self._on_broken = on_broken
        self.wants_more = False
        self.closed = False
        self.closing = False
        self.broken = False
        self.sending = False
        self.on_sent: Callable[[], object] | None = None
        self.nursery: trio.Nursery | None = None
        self._rest = b""  # of a frame that has begun
        self._next = b""  # whole frames of trio-websocket's
        self._flushing = False
        self._flushed = Lot()

    def feed(self, data: bytes | bytearray) -> None:
        """Hand *data* to trio-websocket."""
        if data:
            self._fed += data
            self._wake()

    def end(self) -> None:
        """Let trio-websocket see the end of the stream, behind what it was fed."""
        self._eof = True
        self._wake()

    def _wake(self) -> None:
        self.wants_more = False
        self._hungry.unpark_all()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what was fed, for trio-websocket's reader."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._fed and not self._eof and not self.closed:
            self.wants_more = True
            self._on_change()
            await self._hungry.park()
        if self.closed:
            message = "the pipe is closed"
            raise trio.ClosedResourceError(message)
        data = bytes(self._fed)
        self._fed.clear()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Accept a whole frame from trio-websocket, without waiting for the real stream.

        Its first bytes are the upgrade request. These are written here, and the socket is read meanwhile: an end of
        the stream is noticed before the request has left.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._requested:
            self._requested = self.wants_more = True
            self._on_change()
            await self._stream.send_all(data)
        else:
            self.accept(data)

    def accept(self, frame: bytes | bytearray | memoryview) -> None:
        """Accept a whole control frame, without waiting for the real stream. Behind a close frame nothing is accepted."""
        if not self.closing:
            self.closing = is_close_frame(frame)
            fits = len(self._next) + len(frame) <= _MOST_KEPT and not self.closing
            self._next = self._next + frame if fits else bytes(frame)
        self.flush()

    def flush(self) -> None:
        """Let what has been accepted leave now, as far as the real stream takes it, and the rest in a task."""
        if self.sending or self._flushing or self.broken:
            return  # a frame under way comes first, and then this is called again
        self._rest = self._take()
        self._rest = self._rest[write_nowait(self._stream, self._rest) :] if self._rest else b""
        if not self._rest:
            self._note_sent()
        elif self.nursery is not None:
            self._flushing = True
            self.nursery.start_soon(self._flush, name="cometconn.flush")

    @trio.lowlevel.enable_ki_protection
    async def _flush(self) -> None:
        try:
            while data := self._take():
                await self._stream.send_all(data)
        except Exception as error:  # noqa: BLE001 - whatever the stream raises, it takes no more
            self.broken = True
            self._on_broken(error)
            await trio.aclose_forcefully(self._stream)  # or the receive loop might not hear of it
        else:
            self._note_sent()
        self._flushing = False
        self._flushed.unpark_all()

    def _take(self) -> bytes:
        data = self._rest + self._next
        self._rest = self._next = b""
        return data

    def _note_sent(self) -> None:
        if self.closing and self.on_sent is not None:
            self.on_sent()
            self.on_sent = None

    async def write(self, frame: bytes) -> bool:
        """Write a frame of ours behind what has been accepted; return `False` when nothing is sent any more.

        If cancelled before the first byte, nothing has happened. A real socket looks for a cancellation before
        the first byte and not after the last one. That look is taken here, so a write that was cancelled later was really cut.
        """
        while self._flushing and not self.closing:
            await self._flushed.park()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.closing or self.broken:
            return False
        data = self._take()
        data = data + frame if data else frame
        if data:
            self.sending = True
            await self._stream.send_all(data)
            self.sending = False
        self.flush()
        return True

    def write_nowait(self, frame: bytes) -> bool:
        """Write *frame* now, if the real stream takes it without waiting; return whether it took any.

        If it took only a part, it is `unfinished`: the rest goes before whatever is sent next.
        """
        if self.closing or self.unsent or self.sending:
            return False
        written = write_nowait(self._stream, frame)
        if written:
            self._rest = frame[written:]
        return written > 0

    def close_nowait(self, frame: bytes) -> None:
        """Do the same with a close frame: if any of it is taken, nothing is accepted behind it."""
        self.closing = self.write_nowait(frame) or self.closing

    @property
    def unfinished(self) -> bool:
        """Whether a frame has begun whose rest is still to be sent."""
        return bool(self._rest)

    @property
    def unsent(self) -> bool:
        """Whether something that was accepted is still to be sent."""
        return bool(self._rest or self._next) or self._flushing

    async def wait_sent(self) -> None:
        """Wait until all that was accepted is written, or never will be."""
        self.flush()
        while self.unsent and not self.broken:
            await self._flushed.park()

    def detach(self) -> None:
        """Call nothing any more: the owner knows this pipe, and what knows each other is not freed at once."""
        self._on_change = self._on_broken = _ignore
        self.nursery = None

    async def wait_send_all_might_not_block(self) -> None:
        """Return: accepting never blocks."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the pipe; the stream has another owner."""
        self.closed = True
        self._hungry.unpark_all()
        self._on_change()
        await trio.lowlevel.checkpoint()


def _ignore(*_: object) -> None:
    pass


class ReaderNursery:
    """The nursery in which trio-websocket starts its reader: what *run* makes of it is started there."""

    def __init__(
        self, nursery: trio.Nursery, run: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    ) -> None:
        self._nursery = nursery
        self._run = run

    def start_soon(self, reader: Callable[[], Awaitable[object]]) -> None:
        """Start the reader."""
        self._nursery.start_soon(self._run, reader, name="trio_websocket.reader")
