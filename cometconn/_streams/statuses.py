"""Status changes for their subscribers: each one, in order, bounded."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, final

import attrs
import trio

from cometconn._groups import left_block_error
from cometconn._lot import Lot
from cometconn.status import Status, StatusChange

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StatusFeed", "StatusQueue", "StatusStream"]

_BOUND = 256


@attrs.define(eq=False)
class StatusQueue:
    """The status changes of one subscriber, read through a face as those of an `EventQueue` are.

    Attributes:
        arrived: where readers wait.
        is_left: whether the block was left.
    """

    arrived: Lot = attrs.field(factory=Lot, init=False)
    is_left: bool = attrs.field(default=False, init=False)
    _pending: deque[StatusChange] = attrs.field(factory=deque, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def push(self, change: StatusChange) -> None:
        """Append *change*. In a full queue it replaces all that wait, and counts them in `skipped`."""
        if len(self._pending) >= _BOUND:
            missed = sum(1 + item.skipped for item in self._pending)
            self._pending.clear()
            change = attrs.evolve(change, skipped=missed)
        self._pending.append(change)
        self.arrived.unpark()

    def end(self) -> None:
        """Let the iteration stop once everything has been read."""
        self._ended = True
        self.arrived.unpark_all()

    def check_block(self, call: str, given: str) -> None:
        """Raise `RuntimeError` if the block was left. *call* and *given* are for its text."""
        if self.is_left:
            raise left_block_error(call, given)

    def can_hand_out(self) -> bool:
        """Return whether a change waits; raise `StopAsyncIteration` if none will come any more."""
        if self._ended and not self._pending:
            raise StopAsyncIteration
        return bool(self._pending)

    def hand_out(self) -> StatusChange:
        """Return the next change, after `can_hand_out()` and without an await in between."""
        return self._pending.popleft()


@final
class StatusStream:
    """Status changes for one subscriber: an async iterator. Made by `CometChat.statuses()`, not by you."""

    __slots__ = ("_queue",)

    def __init__(self, queue: StatusQueue) -> None:
        self._queue = queue

    def __aiter__(self) -> StatusStream:
        """Return the stream itself; raise `RuntimeError` if its block was left, because nothing would come any more."""
        self._queue.check_block("chat.statuses", "statuses")
        return self

    async def __anext__(self) -> StatusChange:
        """Return the next change. A checkpoint; nothing is lost if it is cancelled."""
        await trio.lowlevel.checkpoint()
        while not self._queue.can_hand_out():
            await self._queue.arrived.park()
        return self._queue.hand_out()


@attrs.define(eq=False)
class StatusFeed:
    """All subscribers of one client's status."""

    _streams: list[StatusQueue] = attrs.field(factory=list, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def publish(self, previous: Status, current: Status) -> None:
        """Queue a change for every subscriber."""
        for stream in self._streams:
            stream.push(StatusChange(previous, current))

    def close(self) -> None:
        """End every stream, and every stream opened later."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    @contextmanager
    def subscribe(self, current: Status) -> Iterator[StatusQueue]:
        """Open a stream that begins with *current*."""
        stream = StatusQueue()
        if self._closed:
            stream.end()
        else:
            stream.push(StatusChange(None, current))
        self._streams.append(stream)
        try:
            yield stream
        finally:
            self._streams.remove(stream)
            stream.is_left = True
            stream.end()
