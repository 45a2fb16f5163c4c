"""Events to their subscribers: in order, bounded, each once, with markers where some are missing; and what of them is handled."""

from __future__ import annotations

import operator
from contextlib import AbstractAsyncContextManager
from itertools import compress
from typing import TYPE_CHECKING, Final, final

import attrs
import trio

from cometconn._lot import Lot
from cometconn._wire.message_key import message_key
from cometconn.events import Event, Gap, Marker, Message, Resumed

from .buffer import Buffer
from .event_stream import Entry, EventStream
from .seen_ids import SeenIds
from .unclaimed import Unclaimed
from .unread import Unread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from cometconn._telemetry.step_observer import StepObserver
    from cometconn.events import UnreadableFrame

    from .event_stream import EventStreamStatistics
    from .stream_arguments import StreamOptions
    from .unclaimed import Untold

__all__ = ["NOWHERE", "Streams", "Subscription"]

_WINDOW = 4096  # message ids remembered, against duplicates
NOWHERE = -1  # `unfetched_after`, where messages are missing from a moment on, and no id is known
_MOST_ACKNOWLEDGED = 1024  # ids beyond the position that are saved with it
_NO_IDS: Final[frozenset[int]] = frozenset()  # one for all: an idle client has no set of its own
_id_of = operator.attrgetter("id")


@attrs.define(eq=False)
class Streams:
    """Every event stream of one client, what no stream has taken, and up to which message everything is handled.

    Attributes:
        room: parked in by the receive loop while a pausing stream is full.
        early: what the server says before it has answered the auth frame: the gap comes first.
        unclaimed: what waits for the next stream.
        last_id: the largest id of a message so far.
        on_moved: is called, once, when the position may have moved.
        on_commit: saves the position, and returns when the disk has it.
        observer: is told of every gap.
        unread: what came and could not be read; `None` as long as everything could.
    """

    room: Lot = attrs.field(factory=Lot, init=False)
    early: Buffer = attrs.field(factory=Buffer, init=False)
    unclaimed: Unclaimed = attrs.field(factory=Unclaimed, init=False)
    received: int = attrs.field(default=0, init=False)
    duplicates: int = attrs.field(default=0, init=False)
    last_id: int | None = attrs.field(default=None, init=False)
    on_moved: Callable[[], object] | None = attrs.field(default=None, init=False, repr=False)
    on_commit: Callable[[], Awaitable[None]] | None = attrs.field(default=None, init=False, repr=False)
    observer: StepObserver | None = attrs.field(default=None, init=False, repr=False)
    unread: Unread | None = attrs.field(default=None, init=False, repr=False)
    _unfetched_after: int | None = attrs.field(default=None, init=False)
    _dropped: int = attrs.field(default=0, init=False)
    _streams: list[EventStream] = attrs.field(factory=list, init=False)
    _claimed: bool = attrs.field(default=False, init=False)  # a stream that counts is open, and able to take events
    _place: int = attrs.field(default=0, init=False)  # of the next event in the order of arrival
    _users_place: int = attrs.field(default=0, init=False)  # of the first event of the user who is logged in
    _seen: SeenIds = attrs.field(factory=lambda: SeenIds(_WINDOW), init=False)
    _resumed: frozenset[int] = attrs.field(default=_NO_IDS, init=False)  # acknowledged before the client was opened
    _last_sent: int = attrs.field(default=0, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    @property
    def full(self) -> bool:
        """Whether a stream that pauses the socket has no room."""
        for stream in self._streams:  # noqa: SIM110 - asked for every read: `any()` costs more than the answer
            if stream.pauses:
                return True
        return False

    @property
    def full_of_unclaimed(self) -> bool:
        """Whether no stream is open, and so much is unclaimed that the next event drops one."""
        return not self._streams and not self._closed and not self.unclaimed.spare(1)

    @property
    def dropped(self) -> int:
        """Events that were lost: by streams, those that are closed included, and while none was open."""
        return self._dropped + self.unclaimed.dropped + sum(stream.statistics().dropped for stream in self._streams)

    def counts(self) -> tuple[int, int, int]:
        """Return how many events were received, how many of them were duplicates, and how many were dropped."""
        return self.received, self.duplicates, self.dropped

    def stream_statistics(self) -> tuple[EventStreamStatistics, ...]:
        """Return what the open streams hold."""
        return tuple(stream.statistics() for stream in self._streams)

    def note_unread(self, unread: Sequence[str] | UnreadableFrame) -> None:
        """Count what could not be read. Whether a stream wants the event does not matter."""
        if self.unread is None:
            self.unread = Unread()
        self.unread.note(unread)

    # What is handled.

    @property
    def unfetched_after(self) -> int | None:
        """Messages behind this id are known to be missing: fetching them is not finished. `None` when none are.

        `NOWHERE` when they are missing from a moment on, and no id is known: then there is no position.
        """
        return self._unfetched_after

    @unfetched_after.setter
    def unfetched_after(self, number: int | None) -> None:
        """Set by `CatchUp`, page by page."""
        self._unfetched_after = number
        self.moved()

    @property
    def position(self) -> int | None:
        """The largest id up to which no message is open in a stream, unclaimed, or known to be missing.

        `None` when there is none: no message has come, or the first ones are missing.
        """
        last = self.last_id
        if last is None or self._unfetched_after == NOWHERE:
            return None
        if self._unfetched_after is not None:
            last = min(last, self._unfetched_after)
        dropped = [first for first, _ in self._untold_ranges()]
        return min((number - 1 for number in (*dropped, *self._open_ids()) if 0 < number <= last), default=last)

    def acknowledged_beyond(self, position: int | None) -> tuple[int, ...]:
        """Return ids of messages behind *position* that are handled: in their order, the largest if there are too many."""
        if position == self.last_id:
            return ()
        first = position or 0
        behind = {*self._seen.beyond(first), *(number for number in self._resumed if number > first)}
        behind.difference_update(self._open_ids())
        for first, last in self._untold_ranges():
            behind = {number for number in behind if not first <= number <= last}
        return tuple(sorted(behind)[-_MOST_ACKNOWLEDGED:])

    def resume(self, position: int | None, acknowledged: Iterable[int]) -> None:
        """Go on from a saved position: what was acknowledged beyond it is known, should it come again."""
        self._resumed = frozenset(acknowledged)
        self.last_id = max((number for number in (position, *self._resumed) if number is not None), default=None)

    def moved(self) -> None:
        """Tell that the position may have moved."""
        if self.on_moved is not None:
            on_moved, self.on_moved = self.on_moved, None
            on_moved()

    def tell_when_moved(self, on_moved: Callable[[], object]) -> None:
        """Call *on_moved* once, as soon as the position may have moved."""
        self.on_moved = on_moved
        for stream in self._streams:
            stream.revoke_short_way()

    def acknowledged_late(self, entry: Entry) -> None:
        """A closed stream's message is handled after all."""
        self.unclaimed.remove(entry)

    async def commit(self) -> None:
        """Save what is acknowledged, and return when the disk has it."""
        assert self.on_commit is not None, "wired by open_client()"
        await self.on_commit()

    def _untold_ranges(self) -> list[Untold]:
        ranges = (self.unclaimed.untold, *(stream.untold for stream in self._streams if stream.counts))
        return [untold for untold in ranges if untold is not None]

    def _open_ids(self) -> Iterator[int]:
        """The ids of all messages that are open or unclaimed, of the user who is logged in."""
        sources: list[Iterable[Entry]] = [stream.open_entries() for stream in self._streams if stream.counts]
        for source in (*sources, self.unclaimed):
            for event, _, place in source:
                if place >= self._users_place and (number := message_key(event)) is not None:
                    yield number

    # What comes.

    def publish(self, event: Event, size: int) -> bool:
        """Put *event* into every stream that wants it. *size* is that of its frame, in bytes.

        Return whether it has left a stream that pauses the socket without room.
        """
        if not isinstance(event, Marker):
            self.received += 1
            if self._is_known(event):
                self.duplicates += 1
                return False
        elif self.observer is not None and isinstance(event, Gap):
            self.observer.gap_marked(event)
        entry = (event, size, self._place)
        self._place += 1
        full = False
        for stream in self._streams:
            stream.push(entry)
            full = full or stream.pauses
        if not self._claimed:
            self.unclaimed.put(entry)
        if self.on_moved is not None:
            self.moved()
        return full

    def spare(self, most: int, size: int) -> int:
        """Return how many events, of at most *most* with *size* bytes together, no stream would be full with."""
        for stream in self._streams:
            most = min(most, stream.spare(size))
        return most if self._claimed else min(most, self.unclaimed.spare(size))

    def publish_all(self, events: Sequence[Event], sizes: Sequence[int]) -> None:
        """Do `publish()` for each of many *events*, none of them a marker, for which there is room to `spare()`."""
        self.received += len(events)
        kinds = set(map(type, events))
        if not self._are_news(events, kinds):
            fresh = [not self._is_known(event) for event in events]
            self.duplicates += fresh.count(False)
            events, sizes = list(compress(events, fresh)), list(compress(sizes, fresh))
        begin, self._place = self._place, self._place + len(events)
        entries: list[Entry] = list(zip(events, sizes, range(begin, self._place), strict=True))
        for stream in self._streams:
            stream.push_all(entries, kinds)
        if not self._claimed:
            self.unclaimed.put_all(entries)
        if self.on_moved is not None:
            self.moved()

    def _are_news(self, events: Sequence[Event], kinds: set[type[Event]]) -> bool:
        """Remember *events* if they are messages, each later than every one before it, which is the usual; or do nothing."""
        if not kinds or not all(issubclass(kind, Message) for kind in kinds):
            return False
        ids: list[int] = list(map(_id_of, events))
        if ids[0] <= max(self.last_id or 0, self._last_sent) or not all(map(operator.lt, ids, ids[1:])):
            return False
        self._seen.add(ids)
        self.last_id = ids[-1]
        return True

    def note_sent(self, number: int) -> None:
        """Remember a message of our own: should the server send it back, it is a duplicate.

        It says nothing about messages before it, so the position stays where it is.
        """
        self._last_sent = max(self._last_sent, number)
        self._seen.add((number,))

    def machine_slept(self, seconds: float) -> None:
        """Tell of the sleep, in its place among the events."""
        self.publish(Resumed(seconds), 0)

    def drop_duplicates(self, count: int) -> None:
        """Count so many messages as received that are not published, because they come another way too."""
        self.received += count
        self.duplicates += count

    def forget(self) -> None:
        """Forget which messages were seen, and what nobody has read: another user is coming."""
        self._seen.clear()
        self._resumed = _NO_IDS
        self.last_id = None
        self._last_sent = 0
        self._unfetched_after = None
        self._users_place = self._place
        self.unclaimed.clear()
        for stream in self._streams:
            stream.forget_user(self._place)
        self.made_room()

    def close(self) -> None:
        """End every stream once it has been read, and every one opened later at once."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    def subscribe(self, options: StreamOptions) -> Subscription:
        """Return what opens a stream with these *options*."""
        return Subscription(self, options)

    def open(self, options: StreamOptions) -> EventStream:
        """Open a stream, and begin to fill it; one that counts begins with what it wants of the unclaimed events."""
        stream = EventStream(options, self, self._place)
        if self._closed:
            stream.end()
        elif stream.counts:
            stream.begin_with(self.unclaimed.take(options.types), *self.unclaimed.take_hole())
        self._streams.append(stream)
        self._claimed = self._claimed or stream.counts
        self.made_room()
        return stream

    def shut(self, stream: EventStream, *, handled: bool) -> None:
        """Stop filling *stream*, and let the next one have what it had open; *handled*: not what it has handed out."""
        self._streams.remove(stream)
        self._dropped += stream.statistics().dropped
        entries = stream.close(handled=handled)
        if stream.counts:
            self.unclaimed.give_back(entry for entry in entries if not self._is_elsewhere(entry))
            self.unclaimed.give_back_hole(*stream.take_hole())
        self._look_for_claims()
        self.made_room()
        self.moved()

    def _is_elsewhere(self, entry: Entry) -> bool:
        """Tell whether another stream that counts has taken *entry* when it came, or whether nobody is to have it."""
        event, _, place = entry
        taken = any(other.takes(event, place) for other in self._streams if other.counts)
        return taken or place < self._users_place

    def made_room(self) -> None:
        """Let the receive loop go on, if no stream is full any longer."""
        if not self.full:
            self.room.unpark_all()

    def failed(self) -> None:
        """A stream takes no more events."""
        self._look_for_claims()

    def _look_for_claims(self) -> None:
        self._claimed = any(stream.counts and stream.able for stream in self._streams)

    def _is_known(self, event: Event) -> bool:
        """Tell whether *event* was seen before, and remember it."""
        if isinstance(event, Message) and event.id > (self.last_id or 0) and event.id > self._last_sent:  # as usual
            self.last_id = event.id
            self._seen.add((event.id,))
            return False
        key = message_key(event)
        if key is None:
            return False
        known = key in self._seen or key in self._resumed
        if not known and (self.last_id is None or key > self.last_id):
            self.last_id = max(key, 0)
        self._seen.add((key,))
        return known


@final
class Subscription(AbstractAsyncContextManager[EventStream]):
    """Fills a stream for as long as the block runs. No generator: every idle connection keeps one of these."""

    __slots__ = ("_options", "_stream", "_streams")

    def __init__(self, streams: Streams, options: StreamOptions) -> None:
        self._streams = streams
        self._options = options
        self._stream: EventStream | None = None

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(kind.__name__ for kind in self._options.types)}>"

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> EventStream:
        if self._stream is not None:
            message = "One stream for one block: call events() again for another."
            raise RuntimeError(message)
        self._stream = self._streams.open(self._options)
        return self._stream

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._stream is not None, "entered"
        self._streams.shut(self._stream, handled=kind is None)
