"""The queue behind one event stream: bounded, with a policy for when it is full, and with what awaits acknowledgement.

`Streams` fills it, and the program reads it through a face: `EventStream` for Trio. A face for another library follows
the same steps with that library's calls. Nothing here waits, so that no cancel can lose an event: a face waits first, then
takes. For one event it

1. calls `acknowledge_before(reader)`. A reader is the task that calls, of whatever library: any object that can be
   hashed. What it got before is acknowledged then, even if the wait is cancelled.
2. waits. Unless `must_wait` (the wait itself is then a turn for other tasks), it gives other tasks a turn if
   `turn_is_due`, every 64 events, and calls `turn_was_given()`. Until `can_hand_out()` returns true, it parks in
   `arrived` (`park()` for a task of Trio's, `add()` and `withdraw()` for other wakers), and calls `turn_was_given()`
   when it was woken. `can_hand_out()` raises what ends the iteration.
3. calls `hand_out(reader)`, or `hand_out_all(reader)` for a batch, without an `await` after step 2.

In a burst nearly every event takes a shorter way. While `fast` is not zero, `entries` is not empty, and the calling task
is `reader`, the three steps are: subtract the size of `in_hand` from `size` and set `in_hand` to `NO_ENTRY`; wait, but
give no other task a turn; subtract 1 from `fast`, and take the first of `entries`, which is `in_hand` from then on.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol, final

import attrs

from cometconn._groups import left_block_error
from cometconn._lot import Lot
from cometconn._wire.message_key import message_key
from cometconn.errors import NotLoggedInError, SlowConsumerError
from cometconn.events import Event, Gap, Marker, Overflow

from .buffer import MAX_BYTES, MAX_EVENTS
from .entry import place_of, size_of, with_dropped
from .stream_arguments import Acknowledge, OnLogout, OverflowPolicy, StreamOptions
from .unacknowledged import Unacknowledged

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from .entry import Entry, IdRange

__all__ = ["NO_ENTRY", "EventQueue", "EventStreamStatistics", "QueueOwner"]

_LOG = logging.getLogger("cometconn")
_TURN = 64  # events handed out between two turns of other tasks
_MOST_GAPS = 64  # gaps and overflows that a stream without markers keeps
_EMPTY: deque[Entry] = deque(maxlen=0)  # shared by queues in which nothing waits: an empty deque takes 0.7 KB
NO_ENTRY: Final[Entry] = (Event(), 0, 0)
"""In the hand of a reader that has none."""


class QueueOwner(Protocol):
    """What a queue needs of the `Streams` it belongs to."""

    @property
    def on_moved(self) -> Callable[[], object] | None:
        """The callback for a move of the position; `None` if none is wanted."""

    def made_room(self) -> None:
        """Note that the queue no longer pauses the socket."""

    def moved(self) -> None:
        """Note that the queue has acknowledged a message, or reported what it had dropped."""

    def acknowledged_late(self, entry: Entry) -> None:
        """Note that *entry* was acknowledged after the queue was closed, so the next stream does not get it."""

    def failed(self) -> None:
        """Note that the queue takes no more events."""


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
class EventQueue:
    """The events of one subscriber.

    Attributes:
        entries: what waits to be handed out.
        arrived: where readers wait.
        reader: the task that takes the fast path.
        in_hand: the last event that this task got.
        fast: how many events the reader gets by the fast path: meanwhile no turn is due, nothing waits for room, and
            nothing waits for the position to move. They are counted as handed out in advance.
        size: bytes of what waits in `entries`, and of what is not acknowledged.
        pauses: whether this queue keeps the socket from being read. No property, because `Streams` reads it after every
            event.
        counts: whether its messages count as open until they are acknowledged.
        unreported_ids: the range of the messages that were dropped, and that no `Overflow` has reported yet.
        gaps: with `markers=False`, the latest gaps and overflows that were left out.
    """

    __slots__ = (
        "_backlog",
        "_dropped",
        "_ended",
        "_failed_at",
        "_first_place",
        "_handed_out",
        "_is_left",
        "_logout",
        "_markers",
        "_max_bytes",
        "_max_events",
        "_options",
        "_owner",
        "_types",
        "_unacknowledged",
        "_unreported",
        "_until_turn",
        "_users_place",
        "_warned",
        "arrived",
        "counts",
        "entries",
        "fast",
        "gaps",
        "in_hand",
        "pauses",
        "reader",
        "size",
        "unreported_ids",
    )

    def __init__(self, options: StreamOptions, owner: QueueOwner, first_place: int) -> None:
        self._options = options
        self._types = options.types
        self._markers = options.markers
        self._max_events = options.max_events
        self._max_bytes = options.max_bytes
        self._owner = owner
        self.entries: deque[Entry] = _EMPTY
        self._backlog: deque[Entry] = _EMPTY  # what waits for room: unclaimed events, and newer ones behind them
        self.size: int = 0
        self._unreported = 0  # events that were dropped, and that no `Overflow` has reported yet
        self.unreported_ids: IdRange | None = None
        self._dropped = 0
        self.reader: Hashable = None
        self.in_hand: Entry = NO_ENTRY
        self._unacknowledged = Unacknowledged()
        self.fast: int = 0
        self._until_turn = _TURN
        self._handed_out = 0
        self._first_place = first_place  # the place in the order of arrival of the first event that it is given
        self._users_place = 0  # the place of the first event of the user who is logged in
        self._failed_at: int | None = None
        self._logout: NotLoggedInError | None = None  # what has logged the user out, with `on_logout="raise"`
        self._ended = False
        self._is_left = False  # the block of the stream was left
        self._warned = False
        self.arrived: Lot = Lot()
        self.pauses: bool = False
        self.counts: bool = options.acknowledge is not Acknowledge.NEVER
        self.gaps: tuple[Gap | Overflow, ...] = ()

    @property
    def state(self) -> str:
        """A word for `repr()`."""
        if self._logout is not None:
            return "logged out"
        return "failed" if self._failed_at is not None else "ended" if self._ended else "open"

    def statistics(self) -> EventStreamStatistics:
        """Return the counters of this stream."""
        in_hands = sum(entry[1] for entry in self._handed_out_entries())
        return EventStreamStatistics(
            events=len(self.entries),
            size=self.size - in_hands,
            unacknowledged=self._count() - len(self.entries),
            behind=len(self._backlog),
            max_events=self._max_events,
            max_bytes=self._max_bytes,
            handed_out=self._handed_out - self.fast,
            dropped=self._dropped,
        )

    # Reading.

    @property
    def must_wait(self) -> bool:
        """Whether nothing can be handed out now, and more may come."""
        return not (self.entries or self._unreported or self._ended or self._failed_at is not None)

    @property
    def turn_is_due(self) -> bool:
        """Whether other tasks must run before the next event is handed out, or before the iteration ends."""
        return self._until_turn <= 0 or not (self.entries or self._unreported)

    def turn_was_given(self) -> None:
        """Note that other tasks could run."""
        self._until_turn = _TURN

    def can_hand_out(self) -> bool:
        """Return whether something can be handed out. If not, the reader parks: the memory of the queue is freed.

        Raises:
            SlowConsumerError: the queue was full, with `overflow="fail"`, and what it held has been read.
            NotLoggedInError: the user was logged out, with `on_logout="raise"`, and what it held has been read.
            StopAsyncIteration: it has ended, and what it held has been read.
        """
        if self._unreported and not self._markers:
            self._leave_out(self._overflow())
        if self.entries or self._unreported:
            return True
        if self._logout is not None:
            message = (
                "The user was logged out, so this event stream has ended. "
                f"{self._logout.message} To go on, call login() and open a new stream."
            )
            raise NotLoggedInError(message, code=self._logout.code) from self._logout
        if self._failed_at is not None:
            message = (
                f"The event stream fell behind: more than {self._max_events} events or {self._max_bytes} bytes "
                'waited in it. Read faster, or open it with overflow="pause" or "drop_oldest".'
            )
            raise SlowConsumerError(message)
        if self._ended and not self._backlog:
            raise StopAsyncIteration
        self.entries = _EMPTY
        if self._unacknowledged.count and not self._warned:
            self._warn_if_unacknowledged()
        return False

    def hand_out_all(self, reader: Hashable) -> list[Event]:
        """Give *reader* everything that waits, after `can_hand_out()` and without an await in between."""
        events: list[Event] = [self.hand_out(reader)] if self._unreported else []
        self._set_aside()
        entries, self.entries = list(self.entries), _EMPTY
        self._handed_out += len(entries)
        if self._options.acknowledge is Acknowledge.CALL:
            for entry in entries:
                self._hold_until_called(entry)
        elif not self.counts:
            self.size = 0
        elif entries:
            self._unacknowledged.add(reader, entries)
        events += [entry[0] for entry in entries]
        self._until_turn = _TURN
        self._look_for_room()
        return events

    def hand_out(self, reader: Hashable) -> Event:
        """Give *reader* the next event, after `can_hand_out()` and without an await in between."""
        if self._unreported:
            overflow = self._overflow()
            if self._options.acknowledge is Acknowledge.CALL:
                self._unacknowledged.settle(overflow)
            return overflow
        if self.reader is not reader:
            self._set_aside()
        entry = self.entries.popleft()
        self._handed_out += 1
        self._until_turn -= 1
        if self._options.acknowledge is Acknowledge.CALL:
            self._hold_until_called(entry)
        else:
            self.reader, self.in_hand = reader, entry
        if self.pauses or self._backlog:
            self._look_for_room()
        if self.reader is reader and not (self.pauses or self._backlog or self._owner.on_moved):
            self.fast = self._until_turn
            self._handed_out += self.fast
            self._until_turn -= self.fast
        return entry[0]

    def _overflow(self) -> Overflow:
        """Report what was dropped."""
        overflow = Overflow(dropped=self._unreported)
        self._unreported, self.unreported_ids = 0, None
        if self._owner.on_moved is not None:
            self._owner.moved()
        return overflow

    # Markers that are left out.

    def _leave_out(self, marker: Event) -> None:
        """Keep *marker* in `gaps` instead of handing it out. `Resumed` is about no loss, and is dropped."""
        last = self.gaps[-1] if self.gaps else None
        if isinstance(marker, Gap):
            self.gaps = (*self.gaps, marker)[-_MOST_GAPS:]
            if not marker.recovered:
                _LOG.warning(
                    "An event stream without markers has a gap of %.1f s: what was sent while the client was disconnected "
                    "%s. See EventStream.gaps.",
                    marker.until - marker.since,
                    "may be missing" if marker.recovered is False else "is still being fetched",
                )
        elif isinstance(marker, Overflow) and isinstance(last, Overflow):
            self.gaps = (*self.gaps[:-1], Overflow(last.dropped + marker.dropped))
        elif isinstance(marker, Overflow):
            self.gaps = (*self.gaps, marker)[-_MOST_GAPS:]
            _LOG.warning(
                "An event stream without markers was full, and %d events were dropped. Until its next gap, more of them are "
                "only counted, in EventStream.gaps.",
                marker.dropped,
            )

    # Acknowledging.

    def acknowledge_before(self, reader: Hashable) -> None:
        """Acknowledge what *reader* has in hand, because it calls for more (with `acknowledge="next"`)."""
        if self.reader is reader and not self._unacknowledged.by_reader:
            if self.fast:
                self.leave_fast_path()
            entry, self.in_hand = self.in_hand, NO_ENTRY
            self.size -= entry[1]
            # Otherwise there is nothing to do, and it would be four calls more for each message that comes alone.
            if entry is not NO_ENTRY and (self.pauses or self._backlog or self._owner.on_moved is not None):
                self._acknowledged()
            return
        self._set_aside()
        entries = self._unacknowledged.take(reader)
        if entries:
            self.size -= sum(entry[1] for entry in entries)
            self._acknowledged()

    def acknowledge(self, event: Event) -> None:
        """Acknowledge *event* with `acknowledge="call"`; see `EventStream.acknowledge()`."""
        if self._options.acknowledge is not Acknowledge.CALL:
            message = 'acknowledge() is for a stream opened with events(acknowledge="call").'
            raise RuntimeError(message)
        entry = self._unacknowledged.call(event)
        if entry is not None:
            self.size -= entry[1]
            if self._ended:
                self._owner.acknowledged_late(entry)
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
            self.size -= self.in_hand[1]
        elif self.in_hand is not NO_ENTRY and self.reader is not None:
            self._unacknowledged.add(self.reader, (self.in_hand,))
        self.reader, self.in_hand = None, NO_ENTRY

    def leave_fast_path(self) -> None:
        """Let the next call look at everything again: the position waits to be saved, or there is no room."""
        self._handed_out -= self.fast
        self._until_turn += self.fast
        self.fast = 0

    def _hold_until_called(self, entry: Entry) -> None:
        if not self._unacknowledged.add_for_call(entry):
            self.size -= entry[1]

    def _handed_out_entries(self) -> Iterator[Entry]:
        """Iterate over everything that was handed out and is not acknowledged."""
        if self.in_hand is not NO_ENTRY:
            yield self.in_hand
        yield from self._unacknowledged

    def _warn_if_unacknowledged(self) -> None:
        if self._is_full:
            self._warned = True
            _LOG.warning(
                "An event stream hands out nothing more: %d events that it has handed out are not acknowledged, which is "
                'as much as it may hold (max_events=%d, max_bytes=%d). With acknowledge="call" every message needs '
                "events.acknowledge(event); otherwise the task that got an event must call for the next one.",
                self._count(),
                self._max_events,
                self._max_bytes,
            )

    # Being filled.

    def push(self, entry: Entry) -> None:
        """Take an event if it is of a wanted kind. Never blocks."""
        event = entry[0]
        if self._ended or self._failed_at is not None or not isinstance(event, self._types):
            return
        if not self._markers and isinstance(event, Marker):
            self._leave_out(event)
            return
        if self._backlog:
            self._push_behind(entry)
            return
        if event.__class__ is Gap and self.entries and self._joins_gap(entry):
            return
        if self._options.overflow is OverflowPolicy.FAIL and self._is_full:
            self._fail(entry)
            return
        self._append(entry)
        if len(self.entries) + self._unacknowledged.count + 1 >= self._max_events or self.size >= self._max_bytes:
            self._bound()
        if self.arrived.parked:
            self.arrived.unpark()

    def spare(self, size: int) -> int:
        """Return how many events of *size* bytes together can be pushed without filling the stream."""
        if self._backlog or self.size + size >= self._max_bytes:
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
        if self.entries is _EMPTY:
            self.entries = deque()
        self.entries.extend(entries)
        self.size += sum(map(size_of, entries))
        for _ in range(min(len(self.arrived.parked), len(entries))):
            self.arrived.unpark()

    def begin_with(self, entries: Sequence[Entry], unreported: int, unreported_ids: IdRange | None) -> None:
        """Begin with unclaimed events: as many as fit at a time, the rest as there is room, before anything newer.

        *unreported* of them were dropped, messages of the range *unreported_ids* among them.
        """
        self._unreported, self.unreported_ids = unreported, unreported_ids
        if not self._markers:
            for event, *_ in entries:
                self._leave_out(event)
            entries = [entry for entry in entries if not isinstance(entry[0], Marker)]
        if entries:
            self._backlog = deque(entries)
            self._look_for_room()

    def log_out(self, cause: NotLoggedInError, place: int) -> None:
        """Note that *cause* has logged the user out, whose last event has come before *place*."""
        if self._options.on_logout is OnLogout.RAISE and self._failed_at is None and not self._ended:
            self._failed_at, self._logout = place, cause
            self.end()
            self._owner.failed()

    def end(self) -> None:
        """Take nothing more. What waits for room no longer has to: nothing newer comes."""
        self._ended = True
        self.pauses = False
        while self._backlog:
            self._append(self._backlog.popleft())
        self.arrived.unpark_all()

    def close(self, *, handled: bool) -> list[Entry]:
        """End the reading. Return what is open, in the order of arrival.

        With *handled* and `acknowledge="next"`, what was handed out counts as acknowledged. With `acknowledge="call"`
        it can still be acknowledged later.
        """
        self._is_left = True
        self.end()
        self._set_aside()
        if handled and self._options.acknowledge is Acknowledge.NEXT:
            self._unacknowledged.clear_readers()
        entries = sorted(self.open_entries(), key=place_of)
        self._unacknowledged.clear_readers()
        self.entries = _EMPTY
        self.size = sum(entry[1] for entry in self._unacknowledged)
        return entries

    def check_block(self, call: str, given: str) -> None:
        """Raise `RuntimeError` if the block was left. *call* and *given* are for its text."""
        if self._is_left:
            raise left_block_error(call, given)

    def take_unreported(self) -> tuple[int, IdRange | None]:
        """Return how many dropped events are not reported yet, and the range of the messages among them; forget both."""
        taken = self._unreported, self.unreported_ids
        self._unreported, self.unreported_ids = 0, None
        return taken

    def forget_user(self, place: int) -> None:
        """Note that another user's events begin at *place*: what was dropped before is none of their messages."""
        self.unreported_ids, self._users_place = None, place

    def takes(self, event: Event, place: int) -> bool:
        """Return whether this queue has taken *event*, which came at *place*."""
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
        yield from self.entries
        yield from self._backlog

    # Bounds.

    def _count(self) -> int:
        """Return how many events count towards `max_events`."""
        return len(self.entries) + self._unacknowledged.count + (self.in_hand is not NO_ENTRY)

    @property
    def _is_full(self) -> bool:
        return self._count() >= self._max_events or self.size >= self._max_bytes

    @property
    def _is_beyond(self) -> bool:
        count = self._count()
        return count > self._max_events or (self.size > self._max_bytes and count > 1)

    def _append(self, entry: Entry) -> None:
        if self.entries is _EMPTY:
            self.entries = deque()
        self.entries.append(entry)
        self.size += entry[1]

    def _bound(self) -> None:
        """Keep the bounds after an event was appended: pause the socket, or drop the oldest events."""
        if not self._is_full:
            return
        self.leave_fast_path()
        self.pauses = self._options.overflow is OverflowPolicy.PAUSE and not self._ended
        if self._options.overflow is OverflowPolicy.DROP_OLDEST:
            while self.entries and self._is_beyond:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        if self.entries:
            entry = self.entries.popleft()
            self.size -= entry[1]
        else:
            entry = self._backlog.popleft()
        self._unreported += 1
        self._dropped += 1
        if entry[2] >= self._users_place:
            self.unreported_ids = with_dropped(self.unreported_ids, entry)

    def _push_behind(self, entry: Entry) -> None:
        """Take an event behind those that wait for room. The default bounds hold for all of these."""
        self._backlog.append(entry)
        beyond = len(self._backlog) > MAX_EVENTS or sum(other[1] for other in self._backlog) > MAX_BYTES
        if beyond and self._options.overflow is OverflowPolicy.FAIL:
            self._fail(self._backlog.pop())
        elif beyond and self._options.overflow is OverflowPolicy.DROP_OLDEST:
            self._drop_oldest()
            self.arrived.unpark()  # the reader gets the `Overflow`
            self._look_for_room()

    def _fail(self, entry: Entry) -> None:
        self._failed_at = entry[2]
        self._dropped += 1
        self.arrived.unpark_all()
        self._owner.failed()

    def _look_for_room(self) -> None:
        """Move what waits for room into the queue; once nothing waits and the bounds hold, let the socket be read."""
        while self._backlog and not self._is_full:
            self._append(self._backlog.popleft())
            self.arrived.unpark()
        if self._backlog or self._is_full:
            self.leave_fast_path()
            self.pauses = self._options.overflow is OverflowPolicy.PAUSE and not self._ended
        elif self.pauses:
            self.pauses = False
            self._owner.made_room()

    def _joins_gap(self, entry: Entry) -> bool:
        """Join a gap to the one before it, so that gaps between which nothing comes do not pile up; return whether it was done."""
        gap, (last, size, place) = entry[0], self.entries[-1]
        assert isinstance(gap, Gap), "checked by the caller"
        if not isinstance(last, Gap) or gap.recovered is not last.recovered or gap.since == last.since:
            return False
        joined = attrs.evolve(gap, since=last.since, since_utc=last.since_utc, after_id=last.after_id)
        self.entries[-1] = (joined, size, place)
        return True
