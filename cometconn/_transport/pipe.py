"""The stream that trio-websocket takes for its socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn._lot import Lot

from .bare_socket import write_nowait

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pipe"]


class Pipe(trio.abc.Stream):
    """Bytes out go straight to the real stream; bytes in are what `feed()` was given.

    So the receive loop is the one that reads the socket: it sees the end of the stream
    first, decides when to stop reading, and knows (`wants_more`) when trio-websocket has
    digested all it was fed. Closing the pipe leaves the real stream alone.
    """

    def __init__(self, stream: trio.abc.Stream, on_change: Callable[[], object]) -> None:
        self._stream = stream
        self._fed = bytearray()
        self._eof = False
        self._hungry = Lot()
        self._on_change = on_change
        self.wants_more = False
        self.closed = False
        self.sending = False
        self.on_sent: Callable[[], object] | None = None
        self.sent_last = False
        self._unsent = b""

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
        """Write to the real stream; `sending` tells whether a frame may be half-way.

        A real socket looks for a cancellation before the first byte and not after the last
        one. That look is taken here, so a write that was cancelled later was really cut.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        rest, self._unsent = self._unsent, b""
        if self.sent_last:
            data = rest
        elif rest:
            data = rest + data
        if data:
            self.sending = True
            await self._stream.send_all(data)
            self.sending = False
        if self.on_sent is not None:
            self.on_sent()

    def send_nowait(self, data: bytes) -> bool:
        """Write *data*, if the real stream takes it without waiting; return whether it took any. Not while `sending`.

        If it took only a part, it is `unfinished`: the rest goes before whatever is sent next.
        """
        if self.sent_last or self._unsent:
            return False
        written = write_nowait(self._stream, data)
        if written:
            self._unsent = data[written:]
        return written > 0

    def send_last_nowait(self, data: bytes) -> None:
        """Do the same; and then nothing is sent any more, but for the rest."""
        self.sent_last = self.send_nowait(data) or self.sent_last

    @property
    def unfinished(self) -> bool:
        """Whether a frame has begun whose rest is still to be sent."""
        return bool(self._unsent)

    def detach(self) -> None:
        """Tell nobody any more: who listens knows this pipe, and what knows each other is not freed at once."""
        self._on_change = _nobody

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the real stream takes bytes."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the pipe; the stream belongs to somebody else."""
        self.closed = True
        self._hungry.unpark_all()
        self._on_change()
        await trio.lowlevel.checkpoint()


def _nobody() -> None:
    pass
