"""One subscriber's events: a bounded queue, with a policy for when it is full."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol, final

import attrs
import trio

from cometconn._lot import Lot
from cometconn._wire.message_key import message_key
from cometconn.errors import SlowConsumerError
from cometconn.events import Event, Gap, Overflow

from .buffer import MAX_BYTES, MAX_EVENTS
from .entry import place_of, with_dropped
from .stream_arguments import Acknowledge, OverflowPolicy, StreamOptions
from .unacknowledged import Unacknowledged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from .entry import Entry, IdRange

__all__ = ["EventStream", "EventStreamStatistics", "StreamOwner"]

_LOG = logging.getLogger("cometconn")
_DRAIN = 64  # events handed out between two real checkpoints
_EMPTY: deque[Entry] = deque(maxlen=0)  # shared by streams in which nothing waits: an empty deque takes 0.7 KB
_NO_ENTRY: Final[Entry] = (Event(), 0, 0)  # in the hand of a reader that has none
_checkpoint_if_cancelled = trio.lowlevel.checkpoint_if_cancelled
_current_task = trio.lowlevel.current_task


class StreamOwner(Protocol):
    """What a stream needs of the `Streams` it belongs to."""

    @property
    def on_moved(self) -> Callable[[], object] | None:
        """The callback for a move of the position; `None` if none is wanted."""

    def made_room(self) -> None:
        """Note that the stream no longer pauses the socket."""

    def moved(self) -> None:
        """Note that the stream has acknowledged a message, or reported what it had dropped."""

    def acknowledged_late(self, entry: Entry) -> None:
        """Note that *entry* was acknowledged after the stream was closed, so the next stream does not get it."""

    def failed(self) -> None:
        """Note that the stream takes no more events."""


@attrs.frozen
class EventStreamStatistics:
    """Counters of one stream.

    Attributes:
        events, size: what waits in it now, in events and bytes of their frames.
        unacknowledged: messages that were handed out and are not acknowledged. They count towards the bounds, too.
        behind: events that no stream had taken when this one was opened, and for which it has no room yet. They are
            yielded before newer events.
        max_events, max_bytes: its bounds.
        handed_out: events that were read from it.
        dropped: events it lost, for the `drop_oldest` and `fail` policies.
    """

    events: int
    size: int
    unacknowledged: int
    behind: int
    max_events: int
    max_bytes: int
    handed_out: int
    dropped: int


@final
class EventStream:
    """Events for one subscriber: an async iterator. Made by `CometChat.events()`, not by you.

    Several tasks may read it; each event goes to one of them. When the client is left, what is in the stream stays
    readable; after that the iteration ends.
    """

    def __init__(
        self, options: StreamOptions, owner: StreamOwner, commit: Callable[[], Awaitable[None]], first_place: int
    ) -> None:
        self._options = options
        self._types = options.types
        self._max_events = options.max_events
        self._max_bytes = options.max_bytes
        self._owner = owner
        self._commit = commit
        self._queue: deque[Entry] = _EMPTY
        self._backlog: deque[Entry] = _EMPTY  # what waits for room: unclaimed events, and newer ones behind them
        self._size = 0  # bytes of what waits in the queue and of what is not acknowledged
        self._unreported = 0  # events that were dropped, and that no `Overflow` has reported yet
        self._unreported_ids: IdRange | None = None  # the range of the messages among them
        self._dropped = 0
        self._reader: trio.lowlevel.Task | None = None  # the task that takes the fast path
        self._in_hand = _NO_ENTRY  # the last event that this task got
        self._unacknowledged = Unacknowledged()
        # How many events the reader gets by the fast path: meanwhile no real checkpoint is due, nothing waits for room,
        # and nothing waits for the position to move. They are counted as handed out in advance.
        self._fast = 0
        self._until_checkpoint = _DRAIN
        self._handed_out = 0
        self._first_place = first_place  # the place in the order of arrival of the first event that it is given
        self._users_place = 0  # the place of the first event of the user who is logged in
        self._failed_at: int | None = None
        self._ended = False
        self._warned = False
        self._waiting = 0  # tasks parked in the lot below: reading an attribute is faster than `len()` of the lot
        self._arrived = Lot()
        # Whether this stream keeps the socket from being read. No property, because `Streams` reads it after every event.
        self.pauses: bool = False
        # Whether its messages count as open until they are acknowledged.
        self.counts: bool = options.acknowledge is not Acknowledge.NEVER

    def __repr__(self) -> str:
        state = "failed" if self._failed_at is not None else "ended" if self._ended else "open"
        return f"<EventStream {state}, {len(self._queue)} events waiting>"

    def __aiter__(self) -> EventStream:
        return self

    @trio.lowlevel.enable_ki_protection  # an interrupt between two lines could lose the event; it costs nothing
    async def __anext__(self) -> Event:
        """Return the next event, waiting for it if none is there.

        With `acknowledge="next"`, the call first acknowledges the event that this task got before, even if the wait is
        then cancelled. Every call can be cancelled; no event is lost then, because it stays in the stream. As long as
        events wait, other tasks run only after every 64 of them, which makes a burst cheap.

        Raises:
            SlowConsumerError: the stream, opened with `overflow="fail"`, was full, and the events that it still held
                have been read.
        """
        if self._fast and self._queue and _current_task() is self._reader:
            # The fast path: what nearly every call in a burst does, without calling the methods that do it below.
            self._size -= self._in_hand[1]
            self._in_hand = _NO_ENTRY
            await _checkpoint_if_cancelled()  # raises, or lets no other task run
            self._fast -= 1
            self._in_hand = entry = self._queue.popleft()
            return entry[0]
        self._acknowledge_before(_current_task())
        await self._wait()
        return self._hand_out()

    @trio.lowlevel.enable_ki_protection
    async def batch(self) -> list[Event]:
        """Return all events that have arrived, waiting for the first; empty once the stream has ended.

        It acknowledges as iteration does: the call for the next batch acknowledges this one. Always a checkpoint. If
        cancelled, nothing is lost.

        Raises:
            SlowConsumerError: as in iteration.
        """
        task = _current_task()
        self._acknowledge_before(task)
        self._until_checkpoint = 0
        try:
            await self._wait()
        except StopAsyncIteration:
            return []
        events: list[Event] = [self._hand_out()] if self._unreported else []
        self._set_aside()
        entries, self._queue = list(self._queue), _EMPTY
        self._handed_out += len(entries)
        if self._options.acknowledge is Acknowledge.CALL:
            for entry in entries:
                self._hold_until_called(entry)
        elif not self.counts:
            self._size = 0
        elif entries:
            self._unacknowledged.add(task, entries)
        events += [entry[0] for entry in entries]
        self._until_checkpoint = _DRAIN
        self._look_for_room()
        return events

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
        if self._options.acknowledge is not Acknowledge.CALL:
            message = 'acknowledge() is for a stream opened with events(acknowledge="call").'
            raise RuntimeError(message)
        entry = self._unacknowledged.call(event)
        if entry is not None:
            self._size -= entry[1]
            if self._ended:
                self._owner.acknowledged_late(entry)
            self._acknowledged()

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

    def statistics(self) -> EventStreamStatistics:
        """Return the counters of this stream. Not a checkpoint."""
        in_hands = sum(entry[1] for entry in self._handed_out_entries())
        return EventStreamStatistics(
            events=len(self._queue),
            size=self._size - in_hands,
            unacknowledged=self._count() - len(self._queue),
            behind=len(self._backlog),
            max_events=self._max_events,
            max_bytes=self._max_bytes,
            handed_out=self._handed_out - self._fast,
            dropped=self._dropped,
        )

    # Reading.

    async def _wait(self) -> None:
        readable = self._queue or self._unreported
        if readable and self._until_checkpoint > 0:
            await _checkpoint_if_cancelled()
        elif readable or self._ended or self._failed_at is not None:
            await trio.lowlevel.checkpoint()
            self._until_checkpoint = _DRAIN
        while not (self._queue or self._unreported):
            if self._failed_at is not None:
                message = (
                    f"The event stream fell behind: more than {self._max_events} events or {self._max_bytes} bytes "
                    'waited in it. Read faster, or open it with overflow="pause" or "drop_oldest".'
                )
                raise SlowConsumerError(message)
            if self._ended and not self._backlog:
                raise StopAsyncIteration
            self._queue = _EMPTY
            self._warn_if_unacknowledged()
            self._waiting += 1
            try:
                await self._arrived.park()
            except BaseException:  # Cancelled, or KeyboardInterrupt
                self._waiting -= 1  # otherwise done by what wakes the task
                raise
            # Parking was a checkpoint: with another one, a single event would take two.
            self._until_checkpoint = _DRAIN

    def _hand_out(self) -> Event:
        if self._unreported:
            overflow = Overflow(dropped=self._unreported)
            self._unreported, self._unreported_ids = 0, None
            if self._owner.on_moved is not None:
                self._owner.moved()
            if self._options.acknowledge is Acknowledge.CALL:
                self._unacknowledged.settle(overflow)
            return overflow
        task = _current_task()
        if self._reader is not task:
            self._set_aside()
        entry = self._queue.popleft()
        self._handed_out += 1
        self._until_checkpoint -= 1
        if self._options.acknowledge is Acknowledge.CALL:
            self._hold_until_called(entry)
        else:
            self._reader, self._in_hand = task, entry
        self._look_for_room()
        if self._reader is task and not (self.pauses or self._backlog or self._owner.on_moved):
            self._fast = self._until_checkpoint
            self._handed_out += self._fast
            self._until_checkpoint -= self._fast
        return entry[0]

    # Acknowledging.

    def _acknowledge_before(self, task: trio.lowlevel.Task) -> None:
        """Acknowledge what *task* has in hand."""
        if self._reader is task and not self._unacknowledged.by_task:
            self.leave_fast_path()
            entry, self._in_hand = self._in_hand, _NO_ENTRY
            self._size -= entry[1]
            if entry is not _NO_ENTRY:
                self._acknowledged()
            return
        self._set_aside()
        entries = self._unacknowledged.take(task)
        if entries:
            self._size -= sum(entry[1] for entry in entries)
            self._acknowledged()

    def _acknowledged(self) -> None:
        self._look_for_room()
        if self._owner.on_moved is not None:
            self._owner.moved()

    def _set_aside(self) -> None:
        """Leave the fast path, and keep what the reader has in hand with what other tasks have.

        With `acknowledge="never"` nothing is kept: what was handed out needs no acknowledgement.
        """
        self.leave_fast_path()
        if not self.counts:
            self._size -= self._in_hand[1]
        elif self._in_hand is not _NO_ENTRY and self._reader is not None:
            self._unacknowledged.add(self._reader, (self._in_hand,))
        self._reader, self._in_hand = None, _NO_ENTRY

    def leave_fast_path(self) -> None:
        """Let the next call look at everything again: the position waits to be saved, or there is no room."""
        self._handed_out -= self._fast
        self._until_checkpoint += self._fast
        self._fast = 0

    def _hold_until_called(self, entry: Entry) -> None:
        if not self._unacknowledged.add_for_call(entry):
            self._size -= entry[1]

    def _handed_out_entries(self) -> Iterator[Entry]:
        """Iterate over everything that was handed out and is not acknowledged."""
        if self._in_hand is not _NO_ENTRY:
            yield self._in_hand
        yield from self._unacknowledged

    def _warn_if_unacknowledged(self) -> None:
        if not self._warned and self._is_full:
            self._warned = True
            _LOG.warning(
                "An event stream hands out nothing more: %d events that it has handed out are not acknowledged, which is "
                'as much as it may hold (max_events=%d, max_bytes=%d). With acknowledge="call" every message needs '
                "events.acknowledge(event); otherwise the task that got an event must call for the next one.",
                self._count(),
                self._max_events,
                self._max_bytes,
            )

    # For `Streams` alone.

    def push(self, entry: Entry) -> None:
        """Take an event if it is of a wanted kind. Never blocks."""
        event = entry[0]
        if self._ended or self._failed_at is not None or not isinstance(event, self._types):
            return
        if self._backlog:
            self._push_behind(entry)
            return
        if event.__class__ is Gap and self._queue and self._joins_gap(entry):
            return
        if self._options.overflow is OverflowPolicy.FAIL and self._is_full:
            self._fail(entry)
            return
        self._append(entry)
        if len(self._queue) + self._unacknowledged.count + 1 >= self._max_events or self._size >= self._max_bytes:
            self._bound()
        if self._waiting:
            self._waiting -= 1
            self._arrived.unpark()

    def spare(self, size: int) -> int:
        """Return how many events of *size* bytes together can be pushed without filling the stream."""
        if self._backlog or self._size + size >= self._max_bytes:
            return 0
        return max(0, self._max_events - 1 - self._count())

    def push_all(self, entries: Sequence[Entry], kinds: Iterable[type[Event]]) -> None:
        """Do what `push()` does for each of *entries*, for which there is room: see `spare()`.

        Their events are of these *kinds*, none of them a marker.
        """
        if self._ended or self._failed_at is not None:
            return
        if not all(issubclass(kind, self._types) for kind in kinds):
            entries = [entry for entry in entries if isinstance(entry[0], self._types)]
        if self._queue is _EMPTY:
            self._queue = deque()
        self._queue.extend(entries)
        self._size += sum(entry[1] for entry in entries)
        for _ in range(min(self._waiting, len(entries))):
            self._waiting -= 1
            self._arrived.unpark()

    def begin_with(self, entries: Sequence[Entry], unreported: int, unreported_ids: IdRange | None) -> None:
        """Begin with unclaimed events: as many as fit at a time, the rest as there is room, before anything newer.

        *unreported* of them were dropped, messages of the range *unreported_ids* among them.
        """
        self._unreported, self._unreported_ids = unreported, unreported_ids
        if entries:
            self._backlog = deque(entries)
            self._look_for_room()

    def end(self) -> None:
        """Take nothing more. What waits for room no longer has to: nothing newer comes."""
        self._ended = True
        self.pauses = False
        while self._backlog:
            self._append(self._backlog.popleft())
        self._wake_all()

    def close(self, *, handled: bool) -> list[Entry]:
        """End the reading. Return what is open, in the order of arrival.

        With *handled* and `acknowledge="next"`, what was handed out counts as acknowledged. With `acknowledge="call"`
        it can still be acknowledged later.
        """
        self.end()
        self._set_aside()
        if handled and self._options.acknowledge is Acknowledge.NEXT:
            self._unacknowledged.clear_tasks()
        entries = sorted(self.open_entries(), key=place_of)
        self._unacknowledged.clear_tasks()
        self._queue = _EMPTY
        self._size = sum(entry[1] for entry in self._unacknowledged)
        return entries

    def take_unreported(self) -> tuple[int, IdRange | None]:
        """Return how many dropped events are not reported yet, and the range of the messages among them; forget both."""
        taken = self._unreported, self._unreported_ids
        self._unreported, self._unreported_ids = 0, None
        return taken

    def forget_user(self, place: int) -> None:
        """Note that another user's events begin at *place*: what was dropped before is none of their messages."""
        self._unreported_ids, self._users_place = None, place

    @property
    def unreported_ids(self) -> IdRange | None:
        """The range of the messages that were dropped, and that no `Overflow` has reported yet."""
        return self._unreported_ids

    def takes(self, event: Event, place: int) -> bool:
        """Return whether this stream has taken *event*, which came at *place*."""
        able = self._first_place <= place and (self._failed_at is None or place < self._failed_at)
        return able and isinstance(event, self._types)

    @property
    def able(self) -> bool:
        """Whether it still takes events: it has not failed."""
        return self._failed_at is None

    def open_entries(self) -> Iterator[Entry]:
        """Iterate over everything that waits here, and every message that was handed out and is not acknowledged."""
        for entry in self._handed_out_entries():
            if message_key(entry[0]) is not None:
                yield entry
        yield from self._queue
        yield from self._backlog

    # Bounds.

    def _count(self) -> int:
        """Return how many events count towards `max_events`."""
        return len(self._queue) + self._unacknowledged.count + (self._in_hand is not _NO_ENTRY)

    @property
    def _is_full(self) -> bool:
        return self._count() >= self._max_events or self._size >= self._max_bytes

    @property
    def _is_beyond(self) -> bool:
        count = self._count()
        return count > self._max_events or (self._size > self._max_bytes and count > 1)

    def _append(self, entry: Entry) -> None:
        if self._queue is _EMPTY:
            self._queue = deque()
        self._queue.append(entry)
        self._size += entry[1]

    def _bound(self) -> None:
        """Keep the bounds after an event was appended: pause the socket, or drop the oldest events."""
        if not self._is_full:
            return
        self.leave_fast_path()
        self.pauses = self._options.overflow is OverflowPolicy.PAUSE and not self._ended
        if self._options.overflow is OverflowPolicy.DROP_OLDEST:
            while self._queue and self._is_beyond:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        if self._queue:
            entry = self._queue.popleft()
            self._size -= entry[1]
        else:
            entry = self._backlog.popleft()
        self._unreported += 1
        self._dropped += 1
        if entry[2] >= self._users_place:
            self._unreported_ids = with_dropped(self._unreported_ids, entry)

    def _push_behind(self, entry: Entry) -> None:
        """Take an event behind those that wait for room. The default bounds hold for all of these."""
        self._backlog.append(entry)
        beyond = len(self._backlog) > MAX_EVENTS or sum(other[1] for other in self._backlog) > MAX_BYTES
        if beyond and self._options.overflow is OverflowPolicy.FAIL:
            self._fail(self._backlog.pop())
        elif beyond and self._options.overflow is OverflowPolicy.DROP_OLDEST:
            self._drop_oldest()
            if self._waiting:  # the task gets the `Overflow`
                self._waiting -= 1
                self._arrived.unpark()
            self._look_for_room()

    def _fail(self, entry: Entry) -> None:
        self._failed_at = entry[2]
        self._dropped += 1
        self._wake_all()
        self._owner.failed()

    def _wake_all(self) -> None:
        self._waiting = 0
        self._arrived.unpark_all()

    def _look_for_room(self) -> None:
        """Move what waits for room into the queue; once nothing waits and the bounds hold, let the socket be read."""
        while self._backlog and not self._is_full:
            self._append(self._backlog.popleft())
            if self._waiting:
                self._waiting -= 1
                self._arrived.unpark()
        if self._backlog or self._is_full:
            self.leave_fast_path()
            self.pauses = self._options.overflow is OverflowPolicy.PAUSE and not self._ended
        elif self.pauses:
            self.pauses = False
            self._owner.made_room()

    def _joins_gap(self, entry: Entry) -> bool:
        """Join a gap to the one before it, so that gaps between which nothing comes do not pile up; return whether it was done."""
        gap, (last, size, place) = entry[0], self._queue[-1]
        assert isinstance(gap, Gap), "checked by the caller"
        if not isinstance(last, Gap) or gap.recovered is not last.recovered or gap.since == last.since:
            return False
        joined = attrs.evolve(gap, since=last.since, since_utc=last.since_utc, after_id=last.after_id)
        self._queue[-1] = (joined, size, place)
        return True
