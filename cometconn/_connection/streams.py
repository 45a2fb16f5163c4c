"""Events to their subscribers: in order, bounded, each once, with markers where some are missing."""

from __future__ import annotations

import operator
from contextlib import AbstractAsyncContextManager
from itertools import compress
from typing import TYPE_CHECKING, final

import attrs

from cometconn._lot import Lot
from cometconn._wire.codec import message_key
from cometconn.events import Event, Gap, Marker, Message

from .buffer import MAX_BYTES, MAX_EVENTS, Buffer
from .event_stream import EventStream
from .stream_arguments import OverflowPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from .event_stream import EventStreamStatistics
    from .witness import Witness

__all__ = ["Streams", "Subscription"]

_WINDOW = 4096  # message ids remembered, against duplicates: at least so many, and hardly twice as many
_id_of = operator.attrgetter("id")


@attrs.define(eq=False)
class Streams:
    """Every event stream of one client, and what came before there was one.

    Attributes:
        room: parked in by the receive loop while a pausing stream is full.
        early: what the server says before it has answered the auth frame: the gap comes first.
        last_id: the largest id of a message so far.
        unfetched_after: messages behind this id are known to be unfetched, so no position passes it; 0 when fetching
            begins at a time and no id is known. `None`: none are known to be missing. Set by `CatchUp`.
        witness: is told of every gap.
    """

    room: Lot = attrs.field(factory=Lot, init=False)
    early: Buffer = attrs.field(factory=Buffer, init=False)
    received: int = attrs.field(default=0, init=False)
    duplicates: int = attrs.field(default=0, init=False)
    last_id: int | None = attrs.field(default=None, init=False)
    unfetched_after: int | None = attrs.field(default=None, init=False)
    witness: Witness | None = attrs.field(default=None, init=False, repr=False)
    _dropped: int = attrs.field(default=0, init=False)
    _streams: list[EventStream] = attrs.field(factory=list, init=False)
    _backlog: EventStream | None = attrs.field(init=False)
    _seen: set[int] = attrs.field(factory=set, init=False)
    _seen_before: set[int] | frozenset[int] = attrs.field(default=frozenset(), init=False)  # an idle client has none
    _last_sent: int = attrs.field(default=0, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Keep what comes before the first stream opens."""
        self._backlog = EventStream((), MAX_EVENTS, MAX_BYTES, OverflowPolicy.DROP_OLDEST, self._made_room)

    @property
    def full(self) -> bool:
        """Whether a stream that pauses the socket has no room."""
        for stream in self._streams:  # noqa: SIM110 - asked for every read: `any()` costs more than the answer
            if stream.pauses:
                return True
        return False

    @property
    def dropped(self) -> int:
        """Events that streams have lost, those that are closed included."""
        return self._dropped + sum(stream.statistics().dropped for stream in self._filled)

    def stream_statistics(self) -> tuple[EventStreamStatistics, ...]:
        """Return what the open streams hold."""
        return tuple(stream.statistics() for stream in self._streams)

    def backlog_statistics(self) -> EventStreamStatistics | None:
        """Return what waits for the first stream; `None` once there was one."""
        return self._backlog.statistics() if self._backlog is not None else None

    def position(self, *, left: bool) -> int | None:
        """Return the last message that nobody needs again, if the program ended now.

        What still waits to be read is needed again, unless the client is being *left*: then an
        open stream can be read to its end.
        """
        waiting = [self._backlog] if self._backlog is not None else []
        unread = [stream.first_unread for stream in (waiting if left else [*waiting, *self._streams])]
        unread_ids = [number - 1 for number in unread if number is not None]
        if self.unfetched_after is not None:
            unread_ids.append(self.unfetched_after)
        return min(unread_ids, default=self.last_id)

    def publish(self, event: Event, size: int) -> bool:
        """Put *event* into every stream that wants it. *size* is that of its frame, in bytes.

        Return whether it has left a stream that pauses the socket without room.
        """
        if not isinstance(event, Marker):
            self.received += 1
            if self._is_known(event):
                self.duplicates += 1
                return False
        elif self.witness is not None and isinstance(event, Gap):
            self.witness.gap_marked(event)
        if self._backlog is not None:
            self._backlog.push(event, size)
        full = False
        for stream in self._streams:
            stream.push(event, size)
            full = full or stream.pauses
        return full

    def spare(self, most: int, size: int) -> int:
        """Return how many events, of at most *most* with *size* bytes together, no stream would be full with."""
        for stream in self._filled:
            most = min(most, stream.spare(size))
        return most

    def publish_all(self, events: Sequence[Event], sizes: Sequence[int]) -> None:
        """Do `publish()` for each of many *events*, none of them a marker, for which there is room to `spare()`."""
        self.received += len(events)
        kinds = set(map(type, events))
        if not self._are_news(events, kinds):
            fresh = [not self._is_known(event) for event in events]
            self.duplicates += fresh.count(False)
            events, sizes = list(compress(events, fresh)), list(compress(sizes, fresh))
        for stream in self._filled:
            stream.push_all(events, sizes, kinds)

    def _are_news(self, events: Sequence[Event], kinds: set[type[Event]]) -> bool:
        """Remember *events* if they are messages, each later than every one before it, which is the usual; or do nothing."""
        if not kinds or not all(issubclass(kind, Message) for kind in kinds):
            return False
        ids: list[int] = list(map(_id_of, events))
        if ids[0] <= max(self.last_id or 0, self._last_sent) or not all(map(operator.lt, ids, ids[1:])):
            return False
        self._remember(ids)
        self.last_id = ids[-1]
        return True

    def note_sent(self, number: int) -> None:
        """Remember a message of our own: should the server send it back, it is a duplicate.

        It says nothing about messages before it, so the position stays where it is.
        """
        self._last_sent = max(self._last_sent, number)
        self._remember((number,))

    def drop_duplicates(self, count: int) -> None:
        """Count so many messages as received that are not published, because they come another way too."""
        self.received += count
        self.duplicates += count

    def forget(self) -> None:
        """Forget which messages were seen, and what nobody has read: another user is coming."""
        self._seen.clear()
        self._seen_before = frozenset()
        self.last_id = None
        self._last_sent = 0
        if self._backlog is not None:
            self._backlog.clear()

    def close(self) -> None:
        """End every stream once it has been read, and every one opened later at once."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    def subscribe(
        self, types: tuple[type[Event], ...], max_events: int, max_bytes: int, overflow: OverflowPolicy
    ) -> Subscription:
        """Return what opens a stream of these *types*."""
        return Subscription(self, EventStream(types, max_events, max_bytes, overflow, self._made_room))

    def open(self, stream: EventStream) -> None:
        """Begin to fill *stream*; the first one begins with what came before it."""
        if self._closed:
            stream.end()
        elif self._backlog is not None:
            self._dropped += self._backlog.statistics().dropped
            self._backlog.pour_into(stream)
            self._backlog = None
        self._streams.append(stream)

    def shut(self, stream: EventStream) -> None:
        """Stop filling *stream*."""
        self._streams.remove(stream)
        self._dropped += stream.statistics().dropped
        stream.end()
        self._made_room()

    @property
    def _filled(self) -> list[EventStream]:
        """The open streams, and what waits for the first."""
        return self._streams if self._backlog is None else [*self._streams, self._backlog]

    def _made_room(self) -> None:
        if not self.full:
            self.room.unpark_all()

    def _is_known(self, event: Event) -> bool:
        """Tell whether *event* was seen before, and remember it."""
        if isinstance(event, Message) and event.id > (self.last_id or 0) and event.id > self._last_sent:  # as usual
            self.last_id = event.id
            self._remember((event.id,))
            return False
        key = message_key(event)
        if key is None:
            return False
        known = key in self._seen or key in self._seen_before
        if not known and (self.last_id is None or key > self.last_id):
            self.last_id = max(key, 0)
        self._remember((key,))
        return known

    def _remember(self, ids: Iterable[int]) -> None:
        self._seen.update(ids)
        if len(self._seen) >= _WINDOW:
            # Two sets that take turns: a queue in which each id has its place would cost three times as much.
            self._seen_before, self._seen = self._seen, set()


@final
class Subscription(AbstractAsyncContextManager[EventStream]):
    """Fills a stream for as long as the block runs. No generator: every idle connection keeps one of these."""

    __slots__ = ("_entered", "_stream", "_streams")

    def __init__(self, streams: Streams, stream: EventStream) -> None:
        self._streams = streams
        self._stream = stream
        self._entered = False

    def __repr__(self) -> str:
        return f"<Subscription of {self._stream!r}>"

    async def __aenter__(self) -> EventStream:
        if self._entered:
            message = "One stream for one block: call events() again for another."
            raise RuntimeError(message)
        self._entered = True
        self._streams.open(self._stream)
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._streams.shut(self._stream)
