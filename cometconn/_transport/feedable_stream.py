"""The stream that trio-websocket takes for its socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from cometconn._lot import Lot

from .bare_socket import unsent, write_nowait
from .frames import is_close_frame
from .states import CloseFrame, Input, Output, moved

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FeedableStream"]

_MOST_KEPT: Final = 2048  # bytes of pongs that wait to be written


class FeedableStream(trio.abc.Stream):
    """Between trio-websocket and the real stream: trio-websocket reads from it what `feed()` gets, and writes whole frames.

    The receive loop reads the socket: it sees the end of the stream first, decides when to stop reading, and knows
    (`wants_more`) when trio-websocket has digested all it was fed. Closing this stream leaves the real one open.

    No frame that trio-websocket writes waits for the socket, because its reader would wait with it, and the receive
    loop with its reader: a server that does not read would never be found out. `send_all()` keeps the frame, which
    leaves behind the one that is being written, at once or in a task. What it keeps is bounded: pongs that do not leave
    are dropped for a newer one, since only the most recent ping must be answered (RFC 6455, section 5.5.3), and a close
    frame takes the place of all of them.

    Attributes:
        on_close_frame: called once, when the close frame is written.
        nursery: where the task that writes can be started.
    """

    __slots__ = (
        "__weakref__",
        "_close_frame",
        "_fed",
        "_flushed",
        "_hungry",
        "_input",
        "_next",
        "_on_broken",
        "_on_change",
        "_output",
        "_rest",
        "_stream",
        "nursery",
        "on_close_frame",
    )

    def __init__(
        self, stream: trio.abc.Stream, on_change: Callable[[], object], on_broken: Callable[[Exception], object]
    ) -> None:
        self._stream = stream
        self._input = Input.HUNGRY
        self._output = Output.READY
        self._close_frame = CloseFrame.NONE
        self._fed = bytearray()
        self._hungry = Lot()
        self._on_change = on_change
        self._on_broken = on_broken
        self.on_close_frame: Callable[[], object] | None = None
        self.nursery: trio.Nursery | None = None
        self._rest = b""  # of a frame that has begun
        self._next = b""  # whole frames of trio-websocket's
        self._flushed = Lot()

    # What trio-websocket reads.

    @property
    def wants_more(self) -> bool:
        """Whether trio-websocket's reader waits for more bytes, or was not started because there was nothing for it."""
        return self._input is Input.HUNGRY

    @property
    def closed(self) -> bool:
        """Whether trio-websocket has closed this stream."""
        return self._input is Input.CLOSED

    def feed(self, data: bytes | bytearray) -> None:
        """Hand *data* to trio-websocket."""
        if data:
            self._fed += data
            if self._input is Input.HUNGRY:
                self._move_input(Input.BUSY)

    def end(self) -> None:
        """Let trio-websocket see the end of the stream, behind what it was fed. Later calls change nothing."""
        if self._input is not Input.ENDED and self._input is not Input.CLOSED:
            self._move_input(Input.ENDED)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what was fed, for trio-websocket's reader."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._fed and (self._input is Input.BUSY or self._input is Input.HUNGRY):
            if self._input is Input.BUSY:
                self._move_input(Input.HUNGRY)
            await self._hungry.park()
        if self._input is Input.CLOSED:
            message = "trio-websocket has closed the stream"
            raise trio.ClosedResourceError(message)
        data = bytes(self._fed)
        self._fed.clear()
        return data

    async def aclose(self) -> None:
        """Close this stream; the real one stays open."""
        if self._input is not Input.CLOSED:
            self._move_input(Input.CLOSED)
        await trio.lowlevel.checkpoint()

    def _move_input(self, to: Input) -> None:
        self._input = moved(self._input, to)
        if to is not Input.HUNGRY:
            self._hungry.unpark_all()
        if to is Input.HUNGRY or to is Input.CLOSED:
            self._on_change()

    # What is written.

    @property
    def torn(self) -> bool:
        """Whether a frame of ours is under way, or was cut half-way: another one would tear it."""
        return self._output is Output.SENDING or self._output is Output.TORN

    @property
    def closing(self) -> bool:
        """Whether a close frame has been accepted."""
        return self._close_frame is not CloseFrame.NONE

    @property
    def unfinished(self) -> bool:
        """Whether a frame has begun whose rest is still to be sent."""
        return bool(self._rest) or unsent(self._stream)

    @property
    def unsent(self) -> bool:
        """Whether something that was accepted is still to be sent."""
        return bool(self._rest or self._next) or self._output is Output.FLUSHING or unsent(self._stream)

    @property
    def close_frame_written(self) -> bool:
        """Whether `close_nowait()` has written the close frame, all of it."""
        return self._close_frame is CloseFrame.AHEAD and not self.unsent

    @property
    def close_frame_pending(self) -> bool:
        """Whether a close frame has been accepted that is still to be written, and can be."""
        return self.closing and self.unsent and not self.torn and self._output is not Output.BROKEN

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Accept a whole frame from trio-websocket, without waiting for the real stream."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self.accept(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Return: accepting a frame never blocks."""
        await trio.lowlevel.checkpoint()

    def accept(self, frame: bytes | bytearray | memoryview) -> None:
        """Accept a whole control frame, without waiting for the real stream. Behind a close frame it is dropped."""
        if not self.closing:
            if is_close_frame(frame):
                self._accept_close_frame(CloseFrame.ACCEPTED)
            fits = len(self._next) + len(frame) <= _MOST_KEPT and not self.closing
            self._next = self._next + frame if fits else bytes(frame)
        self.flush()

    def flush(self) -> None:
        """Write what has been accepted, now as far as the real stream takes it, and the rest in a task."""
        if self._output is not Output.READY:
            return  # a frame that is under way comes first, and then this is called again
        self._rest = self._take()
        self._rest = self._rest[write_nowait(self._stream, self._rest) :] if self._rest else b""
        if not self.unfinished:
            self._note_written()
        elif self.nursery is not None:
            self._move_output(Output.FLUSHING)
            self.nursery.start_soon(self._flush, name="cometconn.flush")

    @trio.lowlevel.enable_ki_protection
    async def _flush(self) -> None:
        try:
            while (data := self._take()) or unsent(self._stream):
                await self._stream.send_all(data)
        except Exception as error:  # noqa: BLE001 - whatever the stream raises, it takes no more
            self._move_output(Output.BROKEN)
            self._on_broken(error)
            await trio.aclose_forcefully(self._stream)  # otherwise the receive loop might not notice
        else:
            self._move_output(Output.READY)
            self._note_written()
        self._flushed.unpark_all()

    def _take(self) -> bytes:
        data = self._rest + self._next
        self._rest = self._next = b""
        return data

    def _note_written(self) -> None:
        if self.closing and self.on_close_frame is not None:
            self.on_close_frame()
            self.on_close_frame = None

    async def write(self, frame: bytes) -> bool:
        """Write a frame of ours behind what has been accepted; return `False` when nothing is sent any more.

        If cancelled before the first byte, nothing has happened. A real socket looks for a cancellation before
        the first byte and not after the last one. That look is taken here: a write that was cancelled later was cut.
        """
        while self._output is Output.FLUSHING and not self.closing:
            await self._flushed.park()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.closing or self._output is Output.BROKEN:
            return False
        data = self._take()
        data = data + frame if data else frame
        if data:
            self._move_output(Output.SENDING)
            try:
                await self._stream.send_all(data)
            except BaseException:
                self._move_output(Output.TORN)
                raise
            self._move_output(Output.READY)
        self.flush()
        return True

    def write_nowait(self, frame: bytes) -> bool:
        """Write *frame* now, if the real stream takes it without waiting; return whether it took any.

        If it took or sent only a part, the frame is `unfinished`: the rest goes before whatever is sent next.
        """
        # Not by the properties `closing` and `unsent`: each call counts where a close frame leaves.
        is_free = self._output is Output.READY and self._close_frame is CloseFrame.NONE
        if not is_free or self._rest or self._next or unsent(self._stream):
            return False
        written = write_nowait(self._stream, frame)
        if written:
            self._rest = frame[written:]
        return written > 0

    def close_nowait(self, frame: bytes) -> None:
        """Do the same with a close frame: if any of it is taken, nothing is accepted behind it."""
        if self.write_nowait(frame):
            self._accept_close_frame(CloseFrame.AHEAD)

    async def wait_written(self) -> None:
        """Wait until all that was accepted is written, or never will be. The caller bounds the time."""
        self.flush()
        while self.unsent and self._output is not Output.BROKEN:
            await self._flushed.park()

    def detach(self) -> None:
        """Call nothing any more: objects that refer to each other are freed only by a garbage collection."""
        self._on_change = self._on_broken = _ignore
        self.nursery = None

    def _move_output(self, to: Output) -> None:
        self._output = moved(self._output, to)

    def _accept_close_frame(self, to: CloseFrame) -> None:
        self._close_frame = moved(self._close_frame, to)


def _ignore(*_: object) -> None:
    pass
