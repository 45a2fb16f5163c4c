"""Events for one subscriber of a program that runs under Trio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, final

import trio

from cometconn._arguments import check, made_by

from .event_queue import NO_ENTRY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import TypeVar

    from cometconn.events import Event, Gap, Overflow

    from .event_queue import EventQueue, EventStreamStatistics

    EventT_co = TypeVar("EventT_co", bound=Event, covariant=True, default=Event)
else:
    from typing import TypeVar

    EventT_co = TypeVar("EventT_co", covariant=True)  # a default needs Python 3.13

__all__ = ["EventStream"]

_checkpoint_if_cancelled = trio.lowlevel.checkpoint_if_cancelled
_current_task = trio.lowlevel.current_task


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

    @trio.lowlevel.enable_ki_protection  # an interrupt between two lines could lose the event; it costs nothing
    async def __anext__(self) -> EventT_co:
        """Return the next event, waiting for it if none is there.

        With `acknowledge="next"`, the call first acknowledges the event that this task got before, even if the wait is
        then cancelled. Every call can be cancelled; no event is lost then, because it stays in the stream. As long as
        events wait, other tasks run only after every 64 of them, which makes a burst cheap.

        Raises:
            SlowConsumerError: the stream, opened with `overflow="fail"`, was full, and the events that it still held
                have been read.
            NotLoggedInError: the user was logged out, the stream was opened with `on_logout="raise"`, and the events
                that it still held have been read. Log in, then open a new stream.
        """
        queue, task = self._queue, _current_task()
        if queue.fast and queue.entries and task is queue.reader:
            # The fast path: what nearly every call in a burst does, without calling the methods that do it below.
            queue.size -= queue.in_hand[1]
            queue.in_hand = NO_ENTRY
            await _checkpoint_if_cancelled()  # raises, or lets no other task run
            queue.fast -= 1
            queue.in_hand = entry = queue.entries.popleft()
            return entry[0]  # type: ignore[return-value] # the queue has only what its options name
        queue.acknowledge_before(task)
        if not queue.must_wait:
            await self._give_turn(needed=queue.turn_is_due)
        while not queue.can_hand_out():
            # Not in a method of its own: for as long as nothing comes, that would be a frame more, and a call a message.
            await queue.arrived.park()
            queue.turn_was_given()  # parking was a checkpoint: with another one, a single event would take two
        return queue.hand_out(task)  # type: ignore[return-value] # as above

    @trio.lowlevel.enable_ki_protection
    async def batch(self) -> list[EventT_co]:
        """Return all events that have arrived, waiting for the first; empty once the stream has ended.

        It acknowledges as iteration does: the call for the next batch acknowledges this one. Always a checkpoint. If
        cancelled, nothing is lost.

        Raises:
            SlowConsumerError: as in iteration.
            NotLoggedInError: as in iteration.
        """
        task = _current_task()
        self._queue.acknowledge_before(task)
        try:
            if not self._queue.must_wait:
                await self._give_turn(needed=True)
            while not self._queue.can_hand_out():
                await self._queue.arrived.park()
                self._queue.turn_was_given()
        except StopAsyncIteration:
            return []
        return self._queue.hand_out_all(task)  # type: ignore[return-value] # as above

    async def _give_turn(self, *, needed: bool) -> None:
        """Let other tasks run, if that is *needed*; raise if the task is cancelled."""
        if needed:
            await trio.lowlevel.checkpoint()
            self._queue.turn_was_given()
        else:
            await _checkpoint_if_cancelled()

    @trio.lowlevel.enable_ki_protection
    def acknowledge(self, event: Event) -> None:
        """Mark *event*, which this stream has handed out, as handled: it will not come again.

        For a stream opened with `acknowledge="call"`. Events are compared by identity, not by equality. A second call with the same
        event does nothing, and neither does one with an event that is not a message, because only messages can come again. Not a
        checkpoint; the position is saved within half a second (`commit()` waits for that).

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

        A checkpoint. If cancelled, the position may be saved or not; nothing is lost. Takes as long as the store does.
        """
        await self._commit()

    @property
    def gaps(self) -> tuple[Gap | Overflow, ...]:
        """What a stream opened with `markers=False` has left out, oldest first: the latest 64 gaps and overflows.

        Empty for other streams, which yield them. A `Gap` is here as soon as the client is connected again, perhaps
        before events from the time before it have been read. An `Overflow` is here when the events before it have been
        read; several without a gap in between are added up. The tuple changes only when one comes:
        `if events.gaps != known: known = events.gaps; ...`. Not a checkpoint.
        """
        return self._queue.gaps

    def statistics(self) -> EventStreamStatistics:
        """Return the counters of this stream. Not a checkpoint."""
        return self._queue.statistics()
