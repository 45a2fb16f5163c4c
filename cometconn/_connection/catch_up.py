"""Which messages were missed, in their order, and the live events that wait for them.

Each disconnection leaves a `MissedRange` of message ids. `CatchUp` keeps the ranges in the order of their ids, and
holds live events back until the messages before them are in the streams. A `RangeFiller` fetches those messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.pages import Cursor
from cometconn._streams.buffer import Buffer, BufferStatistics
from cometconn._streams.position import NOWHERE
from cometconn._wire.message_key import message_key
from cometconn.errors import CometConnError
from cometconn.status import Reason

from .disconnection import Disconnection
from .failures import lost_error
from .missed_range import Marked, MissedRange
from .range_filler import RangeFiller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.pages import MessagePage
    from cometconn._account.session import Session
    from cometconn._streams.streams import Streams
    from cometconn._telemetry.step_observer import StepObserver
    from cometconn.errors import ApiError
    from cometconn.events import Event, Gap
    from cometconn.settings import Timing

    from .identity import Identity
    from .link import Link

__all__ = ["CatchUp"]


@attrs.define(eq=False)
class CatchUp:
    """Holds live events back until the messages missed in a disconnection are in the streams before them.

    There is one for each client and not for each link: what one connection does not fetch, the next one does.

    Attributes:
        identity: the user whose messages are fetched.
        streams: get the events. `streams.unfetched_after` is kept up to date here.
        fetch: gets one page.
        forget: logs the user out, because the server no longer knows the token.
        timing: fetching may hold live events back for `request_timeout`, and retries wait as reconnects do.
        random: a number from 0 to 1, for the jitter of retries.
        start: returns where fetching begins at the first connection of a session in this client; `None` if
            that is unknown.
        observer: is called for every page and gap; `None` without hooks.
        ranges: what was missed, in the order of ids.
        fetched_ahead: what was fetched of the range that is being filled and is not in the streams yet.
        may_drop: no stream is open and no more live events may be held back: unclaimed events may be dropped.
    """

    identity: Identity
    streams: Streams
    fetch: Callable[[Session, Cursor], Awaitable[MessagePage]]
    forget: Callable[[ApiError], Awaitable[None]]
    timing: Timing
    random: Callable[[], float]
    start: Callable[[], Cursor | None]
    observer: StepObserver | None = None
    ranges: list[MissedRange] = attrs.field(factory=list, init=False)
    fetched_ahead: Buffer = attrs.field(factory=Buffer, init=False)
    may_drop: bool = attrs.field(default=False, init=False)
    _reopened: Disconnection | None = attrs.field(default=None, init=False)
    _first: bool = attrs.field(default=True, init=False)  # the next connection is the first of the session here
    _last_held: int | None = attrs.field(default=None, init=False)  # the largest message id that was held back

    @property
    def wanted(self) -> bool:
        """Whether there is something to fetch, or to publish."""
        return bool(self.ranges)

    @property
    def pending(self) -> bool:
        """Whether live events are to be given to `hold()` instead of the streams."""
        return bool(self.ranges) and (self.ranges[-1].before_id is None or self.holding)

    @property
    def holding(self) -> bool:
        """Whether live events wait for what is being fetched."""
        return any(missed.holds for missed in self.ranges)

    @property
    def full(self) -> bool:
        """Whether so much is held back that the socket must not be read."""
        if not self.ranges:
            return False
        held = self.held
        return held.events >= held.max_events or held.size >= held.max_bytes

    @property
    def fetched(self) -> BufferStatistics:
        """How much was fetched and is not in the streams yet."""
        return self.fetched_ahead.statistics()

    @property
    def held(self) -> BufferStatistics:
        """How many live events wait for what is being fetched."""
        events = sum(len(missed.held) for missed in self.ranges)
        size = sum(missed.held.size for missed in self.ranges)
        return attrs.evolve(self.fetched, events=events, size=size)

    # Called by the receive loop and the client. None of these waits.

    def reopened(self, disconnection: Disconnection) -> None:
        """Note that the program was started again: its first connection ends *disconnection*."""
        self._reopened = disconnection

    def begin(self, disconnection: Disconnection | None, now: float, accepted_by: float | None) -> None:
        """Note that the client is authenticated, and add what was missed in *disconnection* to what is to be fetched.

        What an earlier connection did not fetch is still among it. For *accepted_by* see `MissedRange`.
        """
        first, self._first = self._first, False
        disconnection = disconnection or self._reopened
        if disconnection is None and first and self.start() is not None:
            disconnection = Disconnection(now, lost_error(Reason.CLIENT_CLOSED))
        self._reopened = None
        self.may_drop = False
        self.fetched_ahead.clear()
        for missed in self.ranges:
            missed.fetch_again()
        if disconnection is not None:
            self._add(disconnection, now, accepted_by, first=first)
        self.note_unfetched()

    def hold(self, event: Event, size: int) -> None:
        """Hold a live event back if messages before it are still being fetched; otherwise publish it."""
        missed = self.ranges[-1]
        key = message_key(event)
        if key is not None:
            missed.note_live(event, key, self.streams.last_id or 0)
        if self.holding:
            if key is not None:
                self._last_held = max(key, self._last_held or 0)
            missed.held.put(event, size)
            if self.full and self.streams.full_of_unclaimed:
                self.may_drop = True
                self.streams.room.unpark_all()
        else:
            self.streams.publish(event, size)

    def flush(self) -> None:
        """The client is being left: publish the gaps that are due, and the events that are no messages.

        Messages that were fetched or held stay out of the streams, because some before them are missing. So the
        position stays before them, and the next program gets each of them once.
        """
        for missed in self.ranges:
            if missed.marked in {Marked.NOT_YET, Marked.GOING_ON}:
                self.publish_gap(missed.gap(recovered=False, cause=None))
                missed.marked = Marked.MISSING
            for event, size in missed.held.take_all():
                if message_key(event) is None:
                    self.streams.publish(event, size)

    def clear(self) -> None:
        """Forget everything: the user was logged out."""
        self._reopened = self._last_held = None
        self._first = True
        self.ranges.clear()
        self.fetched_ahead.clear()
        self.note_unfetched()

    def _add(self, disconnection: Disconnection, now: float, accepted_by: float | None, *, first: bool) -> None:
        last = self.ranges[-1] if self.ranges else None
        if last is not None and last.before_id is None and not last.came:
            last.extend(now, accepted_by)
            return
        # In a client that was connected before, fetching begins behind what was received.
        received = [number for number in (self.streams.last_id, self._last_held) if number is not None and not first]
        start = Cursor(id=max(received)) if received else self.start()
        if last is not None and last.before_id is None:
            last.before_id = max(received) + 1  # what is missing behind that belongs to the next range
        if start is not None:
            self.ranges.append(MissedRange(disconnection, now, start, accepted_by, start.id))
            return
        message = (
            "No message was ever received, and no response of the server had a Date header: "
            "it is unknown from where to fetch."
        )
        nowhere = CometConnError(message, code="NO_STARTING_POINT")
        self.publish_gap(disconnection.gap(now, cause=nowhere))

    # The task, and what it calls.

    @trio.lowlevel.enable_ki_protection
    async def run(self, link: Link) -> None:
        """Fill the ranges, one after the other. Ends with the lease of *link*, even if ranges are left."""
        await RangeFiller(self, link).run()

    def publish_gap(self, gap: Gap) -> None:
        """Put *gap* into the streams."""
        if self.observer is not None:
            self.observer.gap_marked(gap)
        self.streams.publish(gap, 0)

    def note_unfetched(self) -> None:
        """Keep the position before what was not fetched."""
        if not self.ranges:
            self.streams.unfetched_after = None
        else:
            start = self.ranges[0].start.id
            self.streams.unfetched_after = NOWHERE if start is None else start

    def settled(self) -> None:
        """Note that nothing more of a range is published for now, and wake the receive loop, which may wait for that."""
        self.may_drop = False
        self.note_unfetched()
        if self.observer is not None:
            self.observer.drained()
        self.streams.room.unpark_all()
