"""All event streams of one client. Each event is put once, and in order, into every stream that wants it."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, TypeAlias, TypeVar, final

import attrs
import trio

from cometconn._groups import AsyncBlock, Usage
from cometconn._lot import Lot
from cometconn._wire.message_key import message_key
from cometconn.events import Event, Marker, Resumed

from .buffer import Buffer
from .event_queue import EventQueue
from .known_messages import KnownMessages
from .position import acknowledged_beyond, position_of
from .unclaimed import Unclaimed
from .unread import Unread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from cometconn.errors import DecodeError, NotLoggedInError
    from cometconn.events import UnreadableFrame

    from .entry import Entry, IdRange
    from .event_queue import EventStreamStatistics
    from .stream_arguments import StreamOptions

__all__ = ["Commit", "Face", "Streams", "Subscription"]

S = TypeVar("S")
Commit: TypeAlias = "Callable[[], Awaitable[None]]"
"""Saves the position."""
Face: TypeAlias = "Callable[[EventQueue, Commit], S]"
"""Makes what a program reads of a queue: `EventStream`, or its twin for another library."""


@attrs.define(eq=False)
class Streams:
    """Every event stream of one client, what no stream has taken, and up to which message everything is handled.

    Attributes:
        room: the receive loop parks here while a pausing stream is full.
        early: events that came before the auth reply. They are published after it, behind the gap.
        unclaimed: events that wait for the next stream.
        received: events that came, duplicates included.
        duplicates: of these, how many were dropped because their message had come before.
        on_moved: see `when_moved()`.
        unread: counts what could not be read; `None` as long as everything could.
    """

    room: Lot = attrs.field(factory=Lot, init=False)
    early: Buffer = attrs.field(factory=Buffer, init=False)
    unclaimed: Unclaimed = attrs.field(factory=Unclaimed, init=False)
    received: int = attrs.field(default=0, init=False)
    duplicates: int = attrs.field(default=0, init=False)
    on_moved: Callable[[], object] | None = attrs.field(default=None, init=False, repr=False)
    unread: Unread | None = attrs.field(default=None, init=False, repr=False)
    _known: KnownMessages = attrs.field(factory=KnownMessages, init=False)
    _unfetched_after: int | None = attrs.field(default=None, init=False)
    _dropped: int = attrs.field(default=0, init=False)
    _streams: list[EventQueue] = attrs.field(factory=list, init=False)
    _claimed: bool = attrs.field(default=False, init=False)  # a stream that counts is open, and able to take events
    _place: int = attrs.field(default=0, init=False)  # of the next event in the order of arrival
    _users_place: int = attrs.field(default=0, init=False)  # of the first event of the user who is logged in
    _closed: bool = attrs.field(default=False, init=False)

    @property
    def full(self) -> bool:
        """Whether a stream that pauses the socket has no room."""
        for stream in self._streams:  # noqa: SIM110 - read after every event: `any()` would take longer than the loop
            if stream.pauses:
                return True
        return False

    @property
    def full_of_unclaimed(self) -> bool:
        """Whether no stream is open, and so much is unclaimed that another event would drop one."""
        return not self._streams and not self._closed and not self.unclaimed.spare(1)

    @property
    def dropped(self) -> int:
        """Events that were lost: by streams, closed ones included, and while none was open."""
        return self._dropped + self.unclaimed.dropped + sum(stream.statistics().dropped for stream in self._streams)

    def counts(self) -> tuple[int, int, int]:
        """Return how many events were received, how many of them were duplicates, and how many were dropped."""
        return self.received, self.duplicates, self.dropped

    def stream_statistics(self) -> tuple[EventStreamStatistics, ...]:
        """Return the counters of the open streams."""
        return tuple(stream.statistics() for stream in self._streams)

    def note_unread(self, unread: Sequence[str] | UnreadableFrame) -> None:
        """Count what could not be read, whether or not a stream wants the event."""
        self.unread = self.unread or Unread()
        self.unread.note(unread)

    def note_left_out(self, error: DecodeError) -> None:
        """Count an element of a list from the server that could not be read."""
        self.unread = self.unread or Unread()
        self.unread.note_left_out(error)

    # What is handled.

    @property
    def last_id(self) -> int | None:
        """The largest id of a message so far; `None` before the first one."""
        return self._known.last_id

    @property
    def unfetched_after(self) -> int | None:
        """Messages behind this id are known to be missing, because fetching has not finished. `None` when none are.

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
        return position_of(self.last_id, self._unfetched_after, self._unreported_ids(), self._open_ids())

    def acknowledged_beyond(self, position: int | None) -> tuple[int, ...]:
        """Return ids of messages behind *position* that are handled: in their order, the largest if there are too many."""
        if position == self.last_id:
            return ()
        return acknowledged_beyond(self._known.behind(position or 0), self._unreported_ids(), self._open_ids())

    def resume(self, position: int | None, acknowledged: Iterable[int]) -> None:
        """Continue from a saved position. Messages behind it that were *acknowledged* are dropped if they come again."""
        self._known.resume(position, acknowledged)

    def moved(self) -> None:
        """Note that the position may have moved."""
        if self.on_moved is not None:
            on_moved, self.on_moved = self.on_moved, None
            on_moved()

    def when_moved(self, call: Callable[[], object] | None) -> None:
        """Call *call* once, as soon as the position may have moved; `None` withdraws it."""
        self.on_moved = call
        for stream in self._streams:
            stream.leave_fast_path()

    def acknowledged_late(self, entry: Entry) -> None:
        """Note that a message of a closed stream was acknowledged: it need not wait for the next stream."""
        self.unclaimed.remove(entry)

    def _unreported_ids(self) -> list[IdRange]:
        ranges = (self.unclaimed.unreported_ids, *(stream.unreported_ids for stream in self._streams if stream.counts))
        return [ids for ids in ranges if ids is not None]

    def _open_ids(self) -> Iterator[int]:
        """Iterate over the ids of all messages that are open or unclaimed, of the user who is logged in."""
        sources: list[Iterable[Entry]] = [stream.open_entries() for stream in self._streams if stream.counts]
        for source in (*sources, self.unclaimed):
            for event, _, place in source:
                if place >= self._users_place and (number := message_key(event)) is not None:
                    yield number

    # What comes.

    def publish(self, event: Event, size: int) -> bool:
        """Put *event*, whose frame has *size* bytes, into every stream that wants it.

        Return whether a stream that pauses the socket is full now.
        """
        if not isinstance(event, Marker):
            self.received += 1
            if self._known.is_known(event):
                self.duplicates += 1
                return False
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
        """Return how many of *most* events, with *size* bytes together, can be published without filling any stream."""
        for stream in self._streams:
            most = min(most, stream.spare(size))
        return most if self._claimed else min(most, self.unclaimed.spare(size))

    def publish_all(self, events: Sequence[Event], sizes: Sequence[int]) -> None:
        """Do what `publish()` does for each of *events*, none of them a marker, for which there is room: see `spare()`."""
        self.received += len(events)
        kinds = set(map(type, events))
        if not self._known.are_new(events, kinds):
            fresh = [not self._known.is_known(event) for event in events]
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

    def note_sent(self, number: int) -> None:
        """Remember the id of a message that this client sent: if the server sends it back, it is a duplicate."""
        self._known.note_sent(number)

    def machine_slept(self, seconds: float) -> None:
        """Publish the marker of a sleep of the machine."""
        self.publish(Resumed(seconds), 0)

    def drop_duplicates(self, count: int) -> None:
        """Count *count* received messages that are not published, because they were fetched, too."""
        self.received += count
        self.duplicates += count

    def forget(self) -> None:
        """Forget which messages are known and what is unclaimed: the next events are another user's."""
        self._known.clear()
        self._unfetched_after = None
        self._users_place = self._place
        self.unclaimed.clear()
        for stream in self._streams:
            stream.forget_user(self._place)
        self.made_room()

    def log_out(self, cause: NotLoggedInError) -> None:
        """Note that *cause* has logged the user out: it ends the streams that were opened with `on_logout="raise"`."""
        for stream in self._streams:
            stream.log_out(cause, self._place)

    @property
    def waiting(self) -> int:
        """How many streams are open, and wait for the next user who logs in."""
        return sum(stream.able for stream in self._streams)

    def close(self) -> None:
        """End every stream once it has been read, and every stream opened later at once."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    def subscribe(self, options: StreamOptions, face: Face[S], commit: Commit) -> Subscription[S]:
        """Return a context manager that opens a stream with these *options*.

        Args:
            options: what it takes, its bounds and policies.
            face: makes what the block gets, of the queue and of *commit*.
            commit: saves the position.
        """
        return Subscription(self, options, face, commit)

    def open(self, options: StreamOptions) -> EventQueue:
        """Open a stream and begin to fill it. One that counts begins with what it wants of the unclaimed events."""
        stream = EventQueue(options, self, self._place)
        if self._closed:
            stream.end()
        elif stream.counts:
            stream.begin_with(self.unclaimed.take(options.types), *self.unclaimed.take_unreported())
        self._streams.append(stream)
        self._claimed = self._claimed or stream.counts
        self.made_room()
        return stream

    def shut(self, stream: EventQueue, *, handled: bool) -> None:
        """Stop filling *stream*, and keep what it had open for the next one.

        *handled*: its block was left without an exception, so what it has handed out counts as acknowledged.
        """
        self._streams.remove(stream)
        self._dropped += stream.statistics().dropped
        entries = stream.close(handled=handled)
        if stream.counts:
            self.unclaimed.give_back(entry for entry in entries if not self._is_elsewhere(entry))
            self.unclaimed.give_back_unreported(*stream.take_unreported())
        self._look_for_claims()
        self.made_room()
        self.moved()

    def _is_elsewhere(self, entry: Entry) -> bool:
        """Return whether another stream that counts has taken *entry*, or whether it was for another user."""
        event, _, place = entry
        taken = any(other.takes(event, place) for other in self._streams if other.counts)
        return taken or place < self._users_place

    def made_room(self) -> None:
        """Wake the receive loop, if no stream is full any longer."""
        if not self.full:
            self.room.unpark_all()

    def failed(self) -> None:
        """Note that a stream takes no more events."""
        self._look_for_claims()

    def _look_for_claims(self) -> None:
        self._claimed = any(stream.counts and stream.able for stream in self._streams)


@final
class Subscription(AsyncBlock[S]):
    """Fills a stream for as long as the block runs. It awaits nothing, so that it works under asyncio, too.

    A class, because a generator takes more memory in each idle connection.
    """

    __slots__ = ("_commit", "_face", "_options", "_queue", "_streams")

    _usage = Usage("chat.events", "events", "event")

    def __init__(self, streams: Streams, options: StreamOptions, face: Face[S], commit: Commit) -> None:
        self._streams = streams
        self._options = options
        self._face = face
        self._commit = commit
        self._queue: EventQueue | None = None
        self._is_entered = self._is_explained = False

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(kind.__name__ for kind in self._options.types)}>"

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> S:
        self._enter()
        self._queue = self._streams.open(self._options)
        return self._face(self._queue, self._commit)

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._queue is not None, "entered"
        self._streams.shut(self._queue, handled=kind is None)
