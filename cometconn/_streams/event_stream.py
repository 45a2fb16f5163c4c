"""One subscriber's events: a bounded queue with a policy for when it is full, and what was handed out and is not handled yet."""

from __future__ import annotations

import logging
import operator
import weakref
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, final

import attrs
import trio

from cometconn._lot import Lot
from cometconn._wire.message_key import message_key
from cometconn.errors import SlowConsumerError
from cometconn.events import Event, Gap, Overflow

from .buffer import MAX_BYTES, MAX_EVENTS
from .stream_arguments import Acknowledge, OverflowPolicy, StreamOptions
from .unclaimed import with_dropped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .unclaimed import Untold

__all__ = ["Entry", "EventStream", "EventStreamStatistics", "StreamOwner"]

Entry: TypeAlias = "tuple[Event, int, int]"
"""An event, the bytes of its frame, and its place in the order of arrival."""

_LOG = logging.getLogger("cometconn")
_DRAIN = 64  # events handed out between two real checkpoints
_NO_ENTRIES: Final[dict[int, Entry]] = {}  # instead of one that would stay empty
_EMPTY: deque[Entry] = deque(maxlen=0)  # instead of an empty queue, which takes 0.7 KB
_NOTHING: Final[Entry] = (Event(), 0, 0)  # in the hand of a reader that has nothing
_place = operator.itemgetter(2)
_checkpoint_if_cancelled = trio.lowlevel.checkpoint_if_cancelled
_current_task = trio.lowlevel.current_task


class StreamOwner(Protocol):
    """What a stream tells the `Streams` it belongs to."""

    on_moved: Callable[[], object] | None

    def made_room(self) -> None:
        """The stream no longer pauses the socket."""
        ...

    def moved(self) -> None:
        """The stream has acknowledged a message."""
        ...

    def acknowledged_late(self, entry: Entry) -> None:
        """The stream was closed before *entry* was acknowledged: it need not come again."""
        ...

    def failed(self) -> None:
        """The stream takes no more events."""
        ...

    async def commit(self) -> None:
        """Save what is acknowledged, and return when the disk has it."""
        ...


@attrs.frozen
class EventStreamStatistics:
    """What one stream holds and has held.

    Attributes:
        events, size: what waits in it now, in events and bytes of their frames.
        unacknowledged: messages that were handed out and are not acknowledged. They count in the bounds, too.
        behind: what waits for room, before anything newer: events that no stream had taken when this one was opened.
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

    Several tasks may read it; each event goes to one of them. It ends when the client is
    left and everything has been read; what is in it stays readable until then.
    """

    def __init__(self, options: StreamOptions, owner: StreamOwner, first_place: int = 0) -> None:
        self._options = options
        self._types = options.types
        self._max_events = options.max_events
        self._max_bytes = options.max_bytes
        self._owner = owner
        self._queue: deque[Entry] = _EMPTY
        self._backlog: deque[Entry] = _EMPTY  # unclaimed events that are this stream's, and for which there is no room
        self._size = 0  # bytes of what waits in the queue and of what is in hands
        self._hole = 0  # events that were dropped, and of which no `Overflow` has told yet
        self._untold: Untold | None = None  # the range of the messages among them
        self._dropped = 0
        # What was handed out and is not acknowledged: the last entry of the task that reads by the short way, what other
        # tasks have, and (acknowledge="call") messages by their identity.
        self._reader: trio.lowlevel.Task | None = None
        self._in_hand = _NOTHING
        self._hands: dict[trio.lowlevel.Task, list[Entry]] = {}
        self._uncalled = {} if options.acknowledge is Acknowledge.CALL else _NO_ENTRIES
        self._called: weakref.WeakValueDictionary[int, Event] | None = None
        self._held = 0  # entries in the two dictionaries
        # So many events the reader gets by the short way: no real checkpoint is due, nothing waits for room, and nobody
        # waits to hear that the position has moved. They are counted as handed out beforehand.
        self._smooth = 0
        self._until_checkpoint = _DRAIN
        self._handed_out = 0
        self._first_place = first_place  # the place in the order of arrival of the first event that it is given
        self._users_place = 0  # the place of the first event of the user who is logged in
        self._failed_at: int | None = None
        self._ended = False
        self._warned = False
        self._waiting = 0  # tasks parked in the lot below: asking that itself costs more than an event may
        self._arrived = Lot()
        # Whether the socket must not be read because of this stream. `Streams` asks after every event: so not a property.
        self.pauses: bool = False
        self.counts: bool = options.acknowledge is not Acknowledge.NEVER

    def __repr__(self) -> str:
        state = "failed" if self._failed_at is not None else "ended" if self._ended else "open"
        return f"<EventStream {state}, {len(self._queue)} events waiting>"

    def __aiter__(self) -> EventStream:
        return self

    @trio.lowlevel.enable_ki_protection  # for an interrupt between two lines could lose the event; it costs nothing
    async def __anext__(self) -> Event:
        """Return the next event, waiting for it if none is there.

        With `acknowledge="next"` it first acknowledges what this task was handed before: at the call, even if the
        wait is then cancelled. It can always be cancelled. While events are there it lets other tasks run at least
        every 64 of them, not at each: that is what makes a burst cheap. If cancelled, nothing is lost: the event stays
        in the stream.

        Raises:
            SlowConsumerError: opened with `overflow="fail"`, it fell behind, and all it
                still held has been read.
        """
        if self._smooth and self._queue and _current_task() is self._reader:
            # The rest of this method and what it calls in one, for what nearly every call in a burst does.
            self._size -= self._in_hand[1]
            self._in_hand = _NOTHING
            await _checkpoint_if_cancelled()  # raises, or has let nobody else run
            self._smooth -= 1
            self._in_hand = entry = self._queue.popleft()
            return entry[0]
        self._acknowledge_before(_current_task())
        await self._wait()
        return self._hand_out()

    @trio.lowlevel.enable_ki_protection
    async def batch(self) -> list[Event]:
        """Return all events that have arrived, waiting for the first; empty once the stream has ended.

        It acknowledges as iteration does: asking for the next batch acknowledges this one. Always a checkpoint. If
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
        events: list[Event] = [self._hand_out()] if self._hole else []
        self._put_down()
        entries, self._queue = list(self._queue), _EMPTY
        self._handed_out += len(entries)
        if self._options.acknowledge is Acknowledge.CALL:
            for entry in entries:
                self._hold_until_called(entry)
        elif not self.counts:
            self._size = 0
        elif entries:
            self._hands.setdefault(task, []).extend(entries)
            self._held += len(entries)
        events += [entry[0] for entry in entries]
        self._until_checkpoint = _DRAIN
        self._look_for_room()
        return events

    @trio.lowlevel.enable_ki_protection
    def acknowledge(self, event: Event) -> None:
        """Say that *event*, which this stream has handed out, is handled: it will not come again.

        For a stream opened with `acknowledge="call"`. An event is known by its identity. To acknowledge one a second
        time does nothing, and so does one that is no message: only messages can come again. Not a checkpoint; the
        position is saved within half a second (`commit()` waits for that).

        Raises:
            ValueError: this stream never handed out *event*.
            RuntimeError: the stream was not opened with `acknowledge="call"`.
        """
        if self._options.acknowledge is not Acknowledge.CALL:
            message = 'acknowledge() is for a stream opened with events(acknowledge="call").'
            raise RuntimeError(message)
        entry = self._uncalled.pop(id(event), None)
        if entry is not None:
            self._remember_called(event)
            self._held -= 1
            self._size -= entry[1]
            if self._ended:
                self._owner.acknowledged_late(entry)
            self._acknowledged()
        elif self._called is None or self._called.get(id(event)) is not event:
            message = "acknowledge() was given an event that this stream has not handed out."
            raise ValueError(message)

    async def commit(self) -> None:
        """Save what is acknowledged so far, and return when it is on the disk (after an fsync).

        Without it the position is saved within half a second, and a power cut may bring an older one back. It
        acknowledges nothing by itself: with `acknowledge="next"`, what the calling task has in hand is saved once it asks
        for the next event.

        Raises:
            StoreError: it could not be saved, or the client's store keeps no positions. Worth retrying when the disk has
                room again.

        A checkpoint. If cancelled, it may be saved or not; nothing is lost. As long as the store takes.
        """
        await self._owner.commit()

    def statistics(self) -> EventStreamStatistics:
        """Return what the stream holds and has held. Not a checkpoint."""
        in_hands = sum(entry[1] for entry in self._hands_entries())
        return EventStreamStatistics(
            events=len(self._queue),
            size=self._size - in_hands,
            unacknowledged=self._count() - len(self._queue),
            behind=len(self._backlog),
            max_events=self._max_events,
            max_bytes=self._max_bytes,
            handed_out=self._handed_out - self._smooth,
            dropped=self._dropped,
        )

    # Reading.

    async def _wait(self) -> None:
        readable = self._queue or self._hole
        if readable and self._until_checkpoint > 0:
            await _checkpoint_if_cancelled()
        elif readable or self._ended or self._failed_at is not None:
            await trio.lowlevel.checkpoint()
            self._until_checkpoint = _DRAIN
        while not (self._queue or self._hole):
            if self._failed_at is not None:
                message = (
                    f"The event stream fell behind: more than {self._max_events} events or {self._max_bytes} bytes "
                    'waited in it. Read faster, or open it with overflow="pause" or "drop_oldest".'
                )
                raise SlowConsumerError(message)
            if self._ended and not self._backlog:
                raise StopAsyncIteration
            self._queue = _EMPTY
            self._warn_of_hands()
            self._waiting += 1
            try:
                await self._arrived.park()
            except BaseException:  # Cancelled, or KeyboardInterrupt
                self._waiting -= 1  # what wakes a task counts it out; this one was not woken
                raise
            # Parking was one: with another before it, each single event would cost two.
            self._until_checkpoint = _DRAIN

    def _hand_out(self) -> Event:
        if self._hole:
            hole = Overflow(dropped=self._hole)
            self._hole, self._untold = 0, None
            if self._owner.on_moved is not None:
                self._owner.moved()
            if self._options.acknowledge is Acknowledge.CALL:
                self._remember_called(hole)
            return hole
        task = _current_task()
        if self._reader is not task:
            self._put_down()
        entry = self._queue.popleft()
        self._handed_out += 1
        self._until_checkpoint -= 1
        if self._options.acknowledge is Acknowledge.CALL:
            self._hold_until_called(entry)
        else:
            self._reader, self._in_hand = task, entry
        self._look_for_room()
        if self._reader is task and not (self.pauses or self._backlog or self._owner.on_moved):
            self._smooth = self._until_checkpoint
            self._handed_out += self._smooth
            self._until_checkpoint -= self._smooth
        return entry[0]

    # Acknowledging.

    def _acknowledge_before(self, task: trio.lowlevel.Task) -> None:
        """Acknowledge what *task* was handed before. What is in a hand is no message of the stream any longer."""
        if self._reader is task and not self._hands:
            self._revoke()
            entry, self._in_hand = self._in_hand, _NOTHING
            self._size -= entry[1]
            if entry is not _NOTHING:
                self._acknowledged()
            return
        self._put_down()
        entries = self._hands.pop(task, None)
        if entries:
            self._held -= len(entries)
            self._size -= sum(entry[1] for entry in entries)
            self._acknowledged()

    def _acknowledged(self) -> None:
        self._look_for_room()
        if self._owner.on_moved is not None:
            self._owner.moved()

    def _put_down(self) -> None:
        """Keep what the reader has in hand with that of all the others: another task reads, too.

        A stream that does not count keeps nothing: its tasks need not come back.
        """
        self._revoke()
        if not self.counts:
            self._size -= self._in_hand[1]
        elif self._in_hand is not _NOTHING and self._reader is not None:
            self._hands.setdefault(self._reader, []).append(self._in_hand)
            self._held += 1
        self._reader, self._in_hand = None, _NOTHING

    def _revoke(self) -> None:
        self._handed_out -= self._smooth
        self._until_checkpoint += self._smooth
        self._smooth = 0

    def _hold_until_called(self, entry: Entry) -> None:
        event = entry[0]
        if message_key(event) is None:  # only messages are acknowledged, for nothing else can be fetched again
            self._remember_called(event)
            self._size -= entry[1]
        else:
            self._uncalled[id(event)] = entry
            self._held += 1

    def _remember_called(self, event: Event) -> None:
        if self._called is None:
            self._called = weakref.WeakValueDictionary()
        self._called[id(event)] = event

    def _hands_entries(self) -> Iterator[Entry]:
        """Everything that was handed out and is not acknowledged."""
        if self._in_hand is not _NOTHING:
            yield self._in_hand
        for entries in self._hands.values():
            yield from entries
        yield from self._uncalled.values()

    def _warn_of_hands(self) -> None:
        if not self._warned and self._is_full:
            self._warned = True
            _LOG.warning(
                "An event stream hands out nothing more: %d events that it has handed out are not acknowledged, which is "
                'as much as it may hold (max_events=%d, max_bytes=%d). With acknowledge="call" every message needs '
                "events.acknowledge(event); else the task that got an event must ask for the next one.",
                self._count(),
                self._max_events,
                self._max_bytes,
            )

    # For `Streams` only; users never see a stream without its methods above.

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
        if len(self._queue) + self._held + 1 >= self._max_events or self._size >= self._max_bytes:
            self._bound()
        if self._waiting:
            self._waiting -= 1
            self._arrived.unpark()

    def spare(self, size: int) -> int:
        """Return how many events of *size* bytes together can be pushed, and the stream is not full yet."""
        if self._backlog or self._size + size >= self._max_bytes:
            return 0
        return max(0, self._max_events - 1 - self._count())

    def push_all(self, entries: Sequence[Entry], kinds: Iterable[type[Event]]) -> None:
        """Do `push()` for each of *entries*: there is room to `spare()`.

        Their events are of these *kinds*, and there is no marker among them.
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

    def begin_with(self, entries: Sequence[Entry], hole: int, untold: Untold | None) -> None:
        """Begin with unclaimed events: as many as fit at a time, the rest as there is room, before anything newer.

        *hole* of them were dropped, messages of the range *untold* among them.
        """
        self._hole, self._untold = hole, untold
        if entries:
            self._backlog = deque(entries)
            self._look_for_room()

    def end(self) -> None:
        """Take nothing more. What waited for room needs it no longer, for nothing newer comes."""
        self._ended = True
        self.pauses = False
        while self._backlog:
            self._append(self._backlog.popleft())
        self._wake_all()

    def close(self, *, handled: bool) -> list[Entry]:
        """Be read no longer. Return what is open, in the order of arrival; *handled*: not what was handed out.

        With `acknowledge="call"` what was handed out is open as long as it was not acknowledged.
        """
        self.end()
        self._put_down()
        if handled and self._options.acknowledge is Acknowledge.NEXT:
            self._hands.clear()
        entries = sorted(self.open_entries(), key=_place)
        self._hands.clear()
        self._queue = _EMPTY
        self._held = len(self._uncalled)
        self._size = sum(entry[1] for entry in self._uncalled.values())
        return entries

    def take_hole(self) -> tuple[int, Untold | None]:
        """Return how many events were dropped and not told of, and the range of the messages among them."""
        hole, self._hole = (self._hole, self._untold), 0
        self._untold = None
        return hole

    def forget_user(self, place: int) -> None:
        """Another user's events begin at *place*: what was dropped before it says nothing about their messages."""
        self._untold, self._users_place = None, place

    @property
    def untold(self) -> Untold | None:
        """The smallest and the largest id of the messages that were dropped, and of which no `Overflow` has told yet."""
        return self._untold

    def revoke_short_way(self) -> None:
        """Let the next call tell that it acknowledges something: the position is saved, and waits for that."""
        self._revoke()

    def takes(self, event: Event, place: int) -> bool:
        """Tell whether this stream was there, able and willing, when *event* came."""
        able = self._first_place <= place and (self._failed_at is None or place < self._failed_at)
        return able and isinstance(event, self._types)

    @property
    def able(self) -> bool:
        """Whether it still takes what comes."""
        return self._failed_at is None

    def open_entries(self) -> Iterator[Entry]:
        """Everything that waits here, and every message that was handed out and is not acknowledged."""
        for entry in self._hands_entries():
            if message_key(entry[0]) is not None:
                yield entry
        yield from self._queue
        yield from self._backlog

    # Bounds.

    def _count(self) -> int:
        """Return how many events count in `max_events`."""
        return len(self._queue) + self._held + (self._in_hand is not _NOTHING)

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
        """Keep the bounds, or have them kept, behind an event that was appended."""
        if not self._is_full:
            return
        self._revoke()
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
        self._hole += 1
        self._dropped += 1
        if entry[2] >= self._users_place:
            self._untold = with_dropped(self._untold, entry)

    def _push_behind(self, entry: Entry) -> None:
        """Take an event that stands behind those for which there was no room yet: within the default bounds."""
        self._backlog.append(entry)
        beyond = len(self._backlog) > MAX_EVENTS or sum(other[1] for other in self._backlog) > MAX_BYTES
        if beyond and self._options.overflow is OverflowPolicy.FAIL:
            self._fail(self._backlog.pop())
        elif beyond and self._options.overflow is OverflowPolicy.DROP_OLDEST:
            self._drop_oldest()
            if self._waiting:  # for the `Overflow`
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
        """Let in what waits for room; once nothing does and the bounds hold, the socket may be read."""
        while self._backlog and not self._is_full:
            self._append(self._backlog.popleft())
            if self._waiting:
                self._waiting -= 1
                self._arrived.unpark()
        if self._backlog or self._is_full:
            self._revoke()
            self.pauses = self._options.overflow is OverflowPolicy.PAUSE and not self._ended
        elif self.pauses:
            self.pauses = False
            self._owner.made_room()

    def _joins_gap(self, entry: Entry) -> bool:
        """Make one longer gap of two between which nothing came, so that gaps cannot pile up; tell whether it was done."""
        gap, (last, size, place) = entry[0], self._queue[-1]
        assert isinstance(gap, Gap), "the caller has looked"
        if not isinstance(last, Gap) or gap.recovered is not last.recovered or gap.since == last.since:
            return False
        joined = attrs.evolve(gap, since=last.since, since_utc=last.since_utc, after_id=last.after_id)
        self._queue[-1] = (joined, size, place)
        return True
