"""One subscriber's events: a bounded queue with a policy for when it is full."""

from __future__ import annotations

from collections import deque
from itertools import compress
from typing import TYPE_CHECKING, final

import attrs
import trio

from cometconn._lot import Lot
from cometconn._wire.codec import message_key
from cometconn.errors import SlowConsumerError
from cometconn.events import Event, Gap, Marker, Overflow

from .stream_arguments import OverflowPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["EventStream", "EventStreamStatistics"]

_DRAIN = 64  # events handed out between two real checkpoints
_NOTHING: deque[Event] = deque(maxlen=0)  # instead of an empty queue, which takes 0.7 KB
_checkpoint_if_cancelled = trio.lowlevel.checkpoint_if_cancelled


@attrs.frozen
class EventStreamStatistics:
    """What one stream holds and has held.

    Attributes:
        events, size: what waits in it now, in events and bytes of their frames.
        max_events, max_bytes: its bounds.
        handed_out: events that were read from it.
        dropped: events it lost, for the `drop_oldest` and `fail` policies.
    """

    events: int
    size: int
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

    def __init__(
        self,
        types: tuple[type[Event], ...],
        max_events: int,
        max_bytes: int,
        overflow: OverflowPolicy,
        made_room: Callable[[], None],
    ) -> None:
        self._types = (*types, Marker) if types else (Event,)
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._overflow = overflow
        self._made_room = made_room
        self._events: deque[Event] = _NOTHING
        self._sizes: list[int] = []  # of these, and before them of those handed out since `_settle()`
        self._size = 0
        self._hole = 0
        self._dropped = 0
        self._handed_out = 0
        # Up to how many handed out no real checkpoint is due; and to how many an event can be had with no look at
        # anything else: never further than the former, and not at all while there is a hole, or the socket waits.
        self._checkpoint_due = _DRAIN
        self._smooth_until = _DRAIN
        self._failed = False
        self._ended = False
        self._waiting = 0  # tasks parked in the lot below: asking that itself costs more than an event may
        self._arrived = Lot()
        # Whether the socket must not be read because of this stream. `Streams` asks after every event: so not a property.
        self.pauses: bool = False

    def __repr__(self) -> str:
        state = "failed" if self._failed else "ended" if self._ended else "open"
        return f"<EventStream {state}, {len(self._events)} events waiting>"

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        """Return the next event, waiting for it if none is there.

        It can always be cancelled. While events are there it lets other tasks run at least every
        64 of them, not at each: that is what makes a burst cheap. If cancelled, nothing is
        lost: the event stays in the stream.

        Raises:
            SlowConsumerError: opened with `overflow="fail"`, it fell behind, and all it
                still held has been read.
        """
        if self._handed_out < self._smooth_until and self._events:
            # The rest of this method and `_pop()` in one, for what nearly every call does.
            await _checkpoint_if_cancelled()  # raises, or has let nobody else run
            self._handed_out += 1
            return self._events.popleft()
        await self._wait()
        return self._pop()

    async def batch(self) -> list[Event]:
        """Return all events that have arrived, waiting for the first; empty once the stream has ended.

        Always a checkpoint. If cancelled, nothing is lost.

        Raises:
            SlowConsumerError: as in iteration.
        """
        self._checkpoint_due = 0
        try:
            await self._wait()
        except StopAsyncIteration:
            return []
        events: list[Event] = [self._pop()] if self._hole else []
        events += self._events
        self._handed_out += len(self._events)
        self._events.clear()
        if self.pauses:
            self._look_for_room()
        self._checkpoint_due = self._smooth_until = self._handed_out + _DRAIN
        return events

    def statistics(self) -> EventStreamStatistics:
        """Return what the stream holds and has held. Not a checkpoint."""
        return EventStreamStatistics(
            events=len(self._events),
            size=self._settle(),
            max_events=self._max_events,
            max_bytes=self._max_bytes,
            handed_out=self._handed_out,
            dropped=self._dropped,
        )

    async def _wait(self) -> None:
        readable = self._events or self._hole
        if readable and self._handed_out < self._checkpoint_due:
            await trio.lowlevel.checkpoint_if_cancelled()
        elif readable or self._ended or self._failed:
            await trio.lowlevel.checkpoint()
            self._checkpoint_due = self._handed_out + _DRAIN
            self._settle()  # for readers who always find something, and so never get further than this
        while not (self._events or self._hole):
            if self._failed:
                message = (
                    f"The event stream fell behind: more than {self._max_events} events or {self._max_bytes} bytes "
                    'waited in it. Read faster, or open it with overflow="pause" or "drop_oldest".'
                )
                raise SlowConsumerError(message)
            if self._ended:
                raise StopAsyncIteration
            self._events = _NOTHING
            self._sizes.clear()  # at once, or those of a whole burst would be kept until the next event
            self._size = 0
            self._waiting += 1
            try:
                await self._arrived.park()
            except trio.Cancelled:
                self._waiting -= 1  # whoever wakes a task counts it out; this one was not woken
                raise
            # Parking was one: with another before it, each single event would cost two.
            self._checkpoint_due = self._handed_out + _DRAIN

    # For `Streams` only; users never see a stream without its methods above.

    def push(self, event: Event, size: int) -> None:
        """Take *event* if it is of a wanted kind. Never blocks."""
        if self._ended or self._failed or not isinstance(event, self._types):
            return
        if (
            event.__class__ is Gap
            and self._events
            and isinstance(last := self._events[-1], Gap)
            and last.since != event.since  # what is told of one range stands as it was told
        ):
            # Nothing came between the two: one longer gap, so that gaps cannot pile up.
            self._events[-1] = attrs.evolve(
                event,
                since=last.since,
                since_utc=last.since_utc,
                recovered=event.recovered and last.recovered,
                after_id=last.after_id,
            )
            return
        if self._overflow is OverflowPolicy.FAIL and self._is_full:
            self._failed = True
            self._dropped += 1
        else:
            if self._events is _NOTHING:
                self._events = deque()
            self._events.append(event)
            self._sizes.append(size)
            self._size += size  # what was handed out may still be in it: then it is a reason to look, and no more
            if (len(self._events) >= self._max_events or self._size >= self._max_bytes) and self._is_full:
                self._became_full()
        if self._waiting:
            self._waiting -= 1
            self._arrived.unpark()

    def spare(self, size: int) -> int:
        """Return how many events of *size* bytes together can be pushed, and the stream is not full yet."""
        if self._settle() + size >= self._max_bytes:
            return 0
        return max(0, self._max_events - 1 - len(self._events))

    def push_all(self, events: Sequence[Event], sizes: Sequence[int], kinds: Iterable[type[Event]]) -> None:
        """Do `push()` for each of *events*, with its size: there is room to `spare()`.

        They are of these *kinds*, and there is no marker among them.
        """
        if self._ended or self._failed:
            return
        if not all(issubclass(kind, self._types) for kind in kinds):
            wanted = [isinstance(event, self._types) for event in events]
            events, sizes = list(compress(events, wanted)), list(compress(sizes, wanted))
        if self._events is _NOTHING:
            self._events = deque()
        self._events.extend(events)
        self._sizes.extend(sizes)
        self._size += sum(sizes)
        for _ in range(min(self._waiting, len(events))):
            self._waiting -= 1
            self._arrived.unpark()

    def pour_into(self, stream: EventStream) -> None:
        """Give *stream* everything that waits here."""
        if self._hole:
            stream.push(Overflow(dropped=self._hole), 0)
        self._settle()
        for event, size in zip(self._events, self._sizes, strict=True):
            stream.push(event, size)

    def clear(self) -> None:
        """Forget everything that waits here."""
        self._events = _NOTHING
        self._hole = 0
        self.pauses = False

    def end(self) -> None:
        """Take nothing more."""
        self._ended = True
        self.pauses = False
        self._waiting = 0
        self._arrived.unpark_all()

    @property
    def first_unread(self) -> int | None:
        """The smallest id of a message that waits here."""
        ids = map(message_key, self._events)
        return min((number for number in ids if number is not None), default=None)

    @property
    def _is_full(self) -> bool:
        return len(self._events) >= self._max_events or self._settle() >= self._max_bytes

    @property
    def _is_beyond(self) -> bool:
        return len(self._events) > self._max_events or (self._settle() > self._max_bytes and len(self._events) > 1)

    def _settle(self) -> int:
        """Count out the bytes of what was handed out, and return how many wait.

        Here, and not as each event is handed out: there it would cost as much as the event's own queue.
        """
        gone = len(self._sizes) - len(self._events)
        if gone:
            self._size -= sum(self._sizes[:gone])
            del self._sizes[:gone]
        return self._size

    def _pop(self) -> Event:
        if self._hole:
            hole, self._hole = self._hole, 0
            return Overflow(dropped=hole)
        event = self._events.popleft()
        self._handed_out += 1
        if self.pauses:
            self._look_for_room()
        if not self.pauses:
            self._smooth_until = self._checkpoint_due
        return event

    def _look_for_room(self) -> None:
        if not self._is_full:
            self.pauses = False
            self._made_room()

    def _became_full(self) -> None:
        self.pauses = self._overflow is OverflowPolicy.PAUSE
        self._smooth_until = 0
        while self._overflow is OverflowPolicy.DROP_OLDEST and self._is_beyond:
            self._events.popleft()
            self._hole += 1
            self._dropped += 1
