"""The changes of one worker for its subscribers: in order, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import attrs
import trio

from .changes import Change, Missed

__all__ = ["ChangeFeed", "ChangeStream"]

_BOUND = 1024


@final
@attrs.define(eq=False)
class ChangeStream:
    """Changes for one subscriber: an async iterator. Made by `Worker.changes()`, not by you."""

    _pending: deque[Change] = attrs.field(factory=deque, init=False)
    _missed: int = attrs.field(default=0, init=False)
    _arrived: trio.Event = attrs.field(factory=trio.Event, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def push(self, change: Change) -> None:
        """Queue *change*; if 1,024 wait, drop the oldest."""
        if len(self._pending) == _BOUND:
            self._pending.popleft()
            self._missed += 1
        self._pending.append(change)
        self._arrived.set()

    def end(self) -> None:
        """Let the iteration stop once everything was read."""
        self._ended = True
        self._arrived.set()

    def __aiter__(self) -> ChangeStream:
        return self

    async def __anext__(self) -> Change:
        """Return the next change. A checkpoint; nothing is lost if it is cancelled."""
        await trio.lowlevel.checkpoint()
        while not self._pending:
            if self._ended:
                raise StopAsyncIteration
            self._arrived = trio.Event()
            await self._arrived.wait()
        if self._missed:
            missed, self._missed = Missed(at=self._pending[0].at, count=self._missed), 0
            return missed
        return self._pending.popleft()


@attrs.define(eq=False)
class ChangeFeed:
    """All subscribers of one worker."""

    _streams: list[ChangeStream] = attrs.field(factory=list, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def publish(self, change: Change) -> None:
        """Queue a change for every subscriber."""
        for stream in self._streams:
            stream.push(change)

    def close(self) -> None:
        """End every stream, and every stream opened later."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    @contextmanager
    def subscribe(self) -> Iterator[ChangeStream]:
        """Open a stream of the changes from now on."""
        stream = ChangeStream()
        if self._closed:
            stream.end()
        self._streams.append(stream)
        try:
            yield stream
        finally:
            self._streams.remove(stream)
            stream.end()
