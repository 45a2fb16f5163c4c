"""The streams of a `CometChat` for asyncio.

Made from `cometconn._streams.event_stream`, `cometconn._streams.statuses` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, final

from cometconn._arguments import check, made_by
from cometconn._streams.event_stream import EventT_co

from ._reading import next_batch, next_event, next_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from cometconn._streams.event_queue import EventQueue, EventStreamStatistics
    from cometconn._streams.statuses import StatusQueue
    from cometconn.events import Event, Gap, Overflow
    from cometconn.status import StatusChange

__all__ = ["EventStream", "StatusStream"]


@final
@made_by("chat.events()")
class EventStream(Generic[EventT_co]):
    """Events for one subscriber: an async iterator. Made by `CometChat.events()`, not by you.

    For type checkers `events(TextMessage)` is an `EventStream[TextMessage | Marker]`, so that `match` finds the classes:
    `case TextMessage(): ...` and `case Gap(recovered=False): ...`. `EventStream` alone is `EventStream[Event]`.

    Several tasks may read it; each event goes to one of them. When the client is left, what is in the stream stays
    readable; after that the iteration ends. It also ends when the block of the stream is left; an `async for` that begins
    after that is a `RuntimeError`.
    """

    __slots__ = ("_commit", "_queue")

    def __init__(self, queue: EventQueue, commit: Callable[[], Awaitable[None]]) -> None:
        self._queue = queue
        self._commit = commit

    def __repr__(self) -> str:
        return f"<EventStream {self._queue.state}, {len(self._queue.entries)} events waiting>"

    def __aiter__(self) -> EventStream[EventT_co]:
        """Return the stream itself; raise `RuntimeError` if its block was left, because nothing would come any more."""
        self._queue.check_block("chat.events", "events")
        return self

    def __anext__(self) -> Coroutine[Any, Any, EventT_co]:
        """Return the next event, waiting for it if none is there.

        With `acknowledge="next"`, the call first acknowledges the event that this asyncio task got before, even if the wait is
        then cancelled. Every call can be cancelled; no event is lost then, because it stays in the stream. As long as
        events wait, other tasks run only after every 64 of them, which makes a burst cheap.

        Raises:
            SlowConsumerError: the stream, opened with `overflow="fail"`, was full, and the events that it still held
                have been read.
            NotLoggedInError: the user was logged out, the stream was opened with `on_logout="raise"`, and the events
                that it still held have been read. Log in, then open a new stream.
        """
        return next_event(self._queue)

    async def batch(self) -> list[EventT_co]:
        """Return all events that have arrived, waiting for the first; empty once the stream has ended.

        It acknowledges as iteration does: the call for the next batch acknowledges this one. The loop always gets a turn. If
        cancelled, nothing is lost.

        Raises:
            SlowConsumerError: as in iteration.
            NotLoggedInError: as in iteration.
        """
        return await next_batch(self._queue)

    def acknowledge(self, event: Event) -> None:
        """Mark *event*, which this stream has handed out, as handled: it will not come again.

        For a stream opened with `acknowledge="call"`. Events are compared by identity, not by equality. A second call with the same
        event does nothing, and neither does one with an event that is not a message, because only messages can come again. Does not
        wait; the position is saved within half a second (`commit()` waits for that).

        Raises:
            ValueError: this stream never handed out *event*.
            RuntimeError: the stream was not opened with `acknowledge="call"`.
        """
        check(EventStream.acknowledge, locals())
        self._queue.acknowledge(event)

    async def commit(self) -> None:
        """Save what is acknowledged so far, and return when it is on the disk (after an fsync).

        Without it the position is saved within half a second, and after a power cut the store may hold an older one.
        It acknowledges nothing by itself: with `acknowledge="next"`, the calling task acknowledges what it has in hand
        when it calls for the next event.

        Raises:
            StoreError: the position could not be saved, or the client's store keeps no positions. Worth retrying when
                the disk has room again.

        If cancelled, the position may be saved or not; nothing is lost. Takes as long as the store does.
        """
        await self._commit()

    @property
    def gaps(self) -> tuple[Gap | Overflow, ...]:
        """What a stream opened with `markers=False` has left out, oldest first: the latest 64 gaps and overflows.

        Empty for other streams, which yield them. A `Gap` is here as soon as the client is connected again, perhaps
        before events from the time before it have been read. An `Overflow` is here when the events before it have been
        read; several without a gap in between are added up. The tuple changes only when one comes:
        `if events.gaps != known: known = events.gaps; ...`. Does not wait.
        """
        return self._queue.gaps

    def statistics(self) -> EventStreamStatistics:
        """Return the counters of this stream. Does not wait."""
        return self._queue.statistics()


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

    def __anext__(self) -> Coroutine[Any, Any, StatusChange]:
        """Return the next change. Nothing is lost if it is cancelled."""
        return next_status(self._queue)
