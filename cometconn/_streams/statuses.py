"""Status changes for their subscribers: each one, in order, bounded."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, final

import attrs
import trio

from cometconn._lot import Lot
from cometconn.status import Status, StatusChange

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StatusFeed", "StatusStream"]

_BOUND = 256


@final
@attrs.define(eq=False)
class StatusStream:
    """Status changes for one subscriber: an async iterator. Made by `CometChat.statuses()`, not by you."""

    _pending: deque[StatusChange] = attrs.field(factory=deque, init=False)
    _arrived: Lot = attrs.field(factory=Lot, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def push(self, change: StatusChange) -> None:
        """Queue *change*. In a full stream it replaces all that wait, and counts them in `skipped`."""
        if len(self._pending) >= _BOUND:
            missed = sum(1 + item.skipped for item in self._pending)
            self._pending.clear()
            change = attrs.evolve(change, skipped=missed)
        self._pending.append(change)
        self._arrived.unpark()

    def end(self) -> None:
        """Let the iteration stop once everything has been read."""
        self._ended = True
        self._arrived.unpark_all()

    def __aiter__(self) -> StatusStream:
        return self

    async def __anext__(self) -> StatusChange:
        """Return the next change. A checkpoint; nothing is lost if it is cancelled."""
        await trio.lowlevel.checkpoint()
        while not self._pending:
            if self._ended:
                raise StopAsyncIteration
            await self._arrived.park()
        return self._pending.popleft()


@attrs.define(eq=False)
class StatusFeed:
    """All subscribers of one client's status."""

    _streams: list[StatusStream] = attrs.field(factory=list, init=False)
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
    def subscribe(self, current: Status) -> Iterator[StatusStream]:
        """Open a stream that begins with *current*."""
        stream = StatusStream()
        if self._closed:
            stream.end()
        else:
            stream.push(StatusChange(None, current))
        self._streams.append(stream)
        try:
            yield stream
        finally:
            self._streams.remove(stream)
            stream.end()
