"""A pair of byte streams in memory that behave like the two ends of a TCP connection."""

from __future__ import annotations

import trio

from cometconn._arguments import check, checked, made_by

__all__ = ["MemorySocket", "memory_socket_pair"]

_CAPACITY = 64 * 1024


class _Direction:
    """The bytes in transit from one end to the other."""

    def __init__(self, capacity: int) -> None:
        self.capacity: int = capacity
        self.buffer: bytearray = bytearray()
        self.finished: bool = False
        self.broken: bool = False
        self.changed: trio.lowlevel.ParkingLot = trio.lowlevel.ParkingLot()

    def finish(self) -> None:
        """End the direction: the bytes in transit can still be read, and nothing can be added."""
        self.finished = True
        self.changed.unpark_all()

    def break_(self) -> None:
        """Break the direction: the bytes in transit are lost, and reading and writing fail."""
        self.broken = True
        self.buffer.clear()
        self.changed.unpark_all()


@made_by("memory_socket_pair()")
class MemorySocket(trio.abc.HalfCloseableStream):
    """One end of a connection in memory. Made by `memory_socket_pair()`.

    It differs from `trio.testing.memory_stream_pair()` in what a real socket does differently: its buffer is bounded,
    so a write blocks while the other end does not read; a write can be cancelled before its first byte but not after
    its last; closing an end makes the writes of the other end fail; and `reset()` acts as a TCP RST.
    """

    def __init__(self, incoming: _Direction, outgoing: _Direction) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether this end is closed."""
        return self._closed

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write *data*, and wait for the other end to read while the buffer is full."""
        check(MemorySocket.send_all, locals())
        rest = bytes(data)
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._check_sendable()
            room = self._outgoing.capacity - len(self._outgoing.buffer)
            if room <= 0:
                await self._outgoing.changed.park()
                continue
            self._outgoing.buffer += rest[:room]
            self._outgoing.changed.unpark_all()
            rest = rest[room:]
            if not rest:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return

    def send_nowait(self, data: bytes) -> int:
        """Write as much of *data* as fits, as a socket's `send()` does, and return the number of bytes written."""
        check(MemorySocket.send_nowait, locals())
        if self._closed or self._outgoing.broken or self._outgoing.finished:
            return 0
        room = self._outgoing.capacity - len(self._outgoing.buffer)
        self._outgoing.buffer += data[:room]
        self._outgoing.changed.unpark_all()
        return min(room, len(data))

    def _check_sendable(self) -> None:
        if self._closed:
            message = "this end is closed"
            raise trio.ClosedResourceError(message)
        if self._outgoing.broken or self._outgoing.finished:
            message = "the other end is closed"
            raise trio.BrokenResourceError(message)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room in the buffer."""
        await trio.lowlevel.checkpoint()
        while len(self._outgoing.buffer) >= self._outgoing.capacity and not self._outgoing.broken:
            await self._outgoing.changed.park()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for data and return it; `b""` is the end of the stream."""
        check(MemorySocket.receive_some, locals())
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            if self._closed:
                message = "this end is closed"
                raise trio.ClosedResourceError(message)
            if self._incoming.broken:
                message = "the connection was reset"
                raise trio.BrokenResourceError(message)
            if self._incoming.buffer:
                size = len(self._incoming.buffer) if max_bytes is None else max_bytes
                data = bytes(self._incoming.buffer[:size])
                del self._incoming.buffer[:size]
                self._incoming.changed.unpark_all()
                await trio.lowlevel.cancel_shielded_checkpoint()
                return data
            if self._incoming.finished:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return b""
            await self._incoming.changed.park()

    async def send_eof(self) -> None:
        """End the outgoing direction; the incoming one stays open."""
        self._outgoing.finish()
        await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        """Break both directions at once."""
        self._incoming.break_()
        self._outgoing.break_()

    async def aclose(self) -> None:
        """Close this end. The other end reads the bytes in transit and then the end of the stream; its writes fail."""
        if not self._closed:
            self._closed = True
            self._outgoing.finish()
            self._incoming.finish()
        await trio.lowlevel.checkpoint()


@checked
def memory_socket_pair(capacity: int = _CAPACITY) -> tuple[MemorySocket, MemorySocket]:
    """Return two connected ends. At most *capacity* bytes are buffered in each direction."""
    there, back = _Direction(capacity), _Direction(capacity)
    return MemorySocket(back, there), MemorySocket(there, back)
