"""Catch-up: what was missed is fetched page by page, and put in its place.

Each time without a connection leaves a `Hole` in the stream of messages: a range of ids, the live events
that stand behind it, and what the streams were told of it so far. `CatchUp` keeps the holes in the order of their ids and
fills one after the other.
"""

from __future__ import annotations

import datetime
import enum
import math
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_token_unknown
from cometconn._account.pages import Cursor, MessagePage
from cometconn._lifecycle.backoff import retry_delay
from cometconn._streams.buffer import Buffer, BufferStatistics
from cometconn._streams.position import NOWHERE
from cometconn._wire.decoder import Decoder, Echo
from cometconn._wire.message_key import message_key
from cometconn.errors import ApiError, CometConnError
from cometconn.events import Gap
from cometconn.status import Reason

from .disconnection import Disconnection
from .failures import lost_error
from .long_message import long_fetched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.session import Session
    from cometconn._streams.streams import Streams
    from cometconn._telemetry.step_observer import StepObserver
    from cometconn.events import Event
    from cometconn.settings import Timing

    from .identity import Identity
    from .link import Link

__all__ = ["CatchUp", "gap"]

_DRAIN = 64  # events handed over between two checkpoints
_DECODE = 16  # messages decoded between two checkpoints,
_DECODE_BYTES = 64 * 1024  # and about so many bytes of them
_CLIENT_ERRORS = 400


def gap(
    absence: Disconnection,
    until: float,
    *,
    until_utc: datetime.datetime | None = None,
    recovered: bool | None = False,
    cause: Exception | None = None,
    after_id: int | None = None,
    before_id: int | None = None,
) -> Gap:
    """Return the marker of *absence*, which ends at *until*."""
    until_utc = until_utc or datetime.datetime.now(datetime.UTC)
    away = datetime.timedelta(seconds=until - absence.since)
    return Gap(
        since=absence.since,
        until=until,
        since_utc=min(until_utc - away, absence.since_utc),
        until_utc=until_utc,
        cause=cause or absence.cause,
        recovered=recovered,
        after_id=after_id,
        before_id=before_id,
    )


class _Told(enum.Enum):
    """What the streams were told of a hole. While it is one of the first three, live events are held behind it."""

    NOTHING = enum.auto()
    GOING_ON = enum.auto()  # recovered=None: the pages follow, then a gap with True
    RECOVERED = enum.auto()  # recovered=True: all of it was here
    MISSING = enum.auto()  # recovered=False: live events flow
    LATE = enum.auto()  # recovered=True behind that: what comes late follows


@attrs.define(eq=False)
class _Hole:
    """One range of messages that were missed.

    Attributes:
        absence: the time without a connection.
        until, until_utc: its end.
        start: where fetching begins; behind what was fetched and is in the streams, when fetching begins again.
        place: where the next page begins; `None` when the last one is here.
        after_id, before_id: see `Gap`.
        told: what the streams were told.
        held: live events that stand behind this hole and before the next one.
    """

    absence: Disconnection
    until: float
    start: Cursor
    after_id: int | None
    place: Cursor | None = attrs.field(init=False)
    until_utc: datetime.datetime = attrs.field(factory=lambda: datetime.datetime.now(datetime.UTC), init=False)
    before_id: int | None = attrs.field(default=None, init=False)
    told: _Told = attrs.field(default=_Told.NOTHING, init=False)
    held: Buffer = attrs.field(factory=Buffer, init=False)

    def __attrs_post_init__(self) -> None:
        """Nothing is fetched yet."""
        self.place = self.start

    @property
    def in_order(self) -> bool:
        """Whether what is fetched still stands before the live events."""
        return self.told not in {_Told.MISSING, _Told.LATE}

    @property
    def holds(self) -> bool:
        """Whether live events must wait for this hole."""
        return self.in_order or len(self.held) > 0

    def extend(self, until: float) -> None:
        """Another time without a connection follows, and no message came between the two: it is one hole."""
        self.until, self.until_utc = until, datetime.datetime.now(datetime.UTC)
        self.told = _Told.NOTHING

    def gap(self, *, recovered: bool | None, cause: Exception | None) -> Gap:
        """Return the marker of this hole."""
        return gap(
            self.absence,
            self.until,
            until_utc=self.until_utc,
            recovered=recovered,
            cause=cause,
            after_id=self.after_id,
            before_id=self.before_id,
        )


@attrs.define(eq=False)
class CatchUp:
    """Fetches after an absence, and holds live events back until what was missed stands before them.

    It belongs to the client and not to a link: what one connection leaves unfetched the next one fetches.

    Attributes:
        identity: the user who asks.
        streams: get the events. `streams.unfetched_after` is kept up to date here.
        fetch: gets one page.
        forget: the server no longer knows the token: log out.
        timing: `request_timeout` is how long fetching may hold live events back, and retries wait as reconnects do.
        random: a number from 0 to 1, for the jitter of retries.
        start: where fetching begins at the first connection of a session in this client; `None` when nothing tells.
        observer: is told of every page and gap; `None` in a client without hooks.
    """

    identity: Identity
    streams: Streams
    fetch: Callable[[Session, Cursor], Awaitable[MessagePage]]
    forget: Callable[[ApiError], Awaitable[None]]
    timing: Timing
    random: Callable[[], float]
    start: Callable[[], Cursor | None]
    observer: StepObserver | None = None
    _reopened: Disconnection | None = attrs.field(default=None, init=False)
    _first: bool = attrs.field(default=True, init=False)  # the next connection is the first of the session here
    _holes: list[_Hole] = attrs.field(factory=list, init=False)
    _last_held: int | None = attrs.field(default=None, init=False)
    _fetched: Buffer = attrs.field(factory=Buffer, init=False)  # of the hole being filled, not in the streams yet
    _unplaced: tuple[bytes, ...] = attrs.field(default=(), init=False)
    _drops: bool = attrs.field(default=False, init=False)  # nothing listens, and no more live events may be held back
    _spent: float = attrs.field(default=0.0, init=False)  # seconds of fetching, while live events waited for it

    @property
    def wanted(self) -> bool:
        """Whether there is something to fetch, or to hand over."""
        return bool(self._holes)

    @property
    def pending(self) -> bool:
        """Whether live events are to be given to `hold()`, not to the streams."""
        return bool(self._holes) and (self._holes[-1].before_id is None or self._holding)

    @property
    def full(self) -> bool:
        """Whether so much is held back that the socket must not be read."""
        if not self._holes:
            return False
        held = self.held
        return held.events >= held.max_events or held.size >= held.max_bytes

    @property
    def fetched(self) -> BufferStatistics:
        """What was fetched and is not in the streams yet."""
        return self._fetched.statistics()

    @property
    def held(self) -> BufferStatistics:
        """The live events that stand behind what is being fetched."""
        events = sum(len(hole.held) for hole in self._holes)
        size = sum(hole.held.size for hole in self._holes)
        return attrs.evolve(self._fetched.statistics(), events=events, size=size)

    @property
    def _holding(self) -> bool:
        return any(hole.holds for hole in self._holes)

    # Called by the receive loop and the client. None of these waits.

    def reopened(self, absence: Disconnection) -> None:
        """The program was closed: its first connection ends *absence*."""
        self._reopened = absence

    def begin(self, absence: Disconnection | None, now: float) -> None:
        """The client is authenticated: fetch what was missed in *absence*, and what an earlier connection left."""
        first, self._first = self._first, False
        absence = absence or self._reopened
        if absence is None and first and self.start() is not None:
            absence = Disconnection(now, lost_error(Reason.CLIENT_CLOSED))
        self._reopened = None
        self._spent, self._drops = 0.0, False
        self._fetched.clear()
        for hole in self._holes:
            hole.place = hole.start  # what was fetched and is not in the streams is fetched again
        if absence is not None:
            self._add(absence, now, first=first)
        self._note_unfetched()

    def hold(self, event: Event, size: int) -> None:
        """Take a live event: keep it until what was missed stands before it, or publish it."""
        hole = self._holes[-1]
        key = message_key(event)
        if key is not None and hole.before_id is None and key > (hole.start.id or 0):
            hole.before_id = key
        if self._holding:
            if key is not None:
                self._last_held = max(key, self._last_held or 0)
            hole.held.put(event, size)
            if self.full and self.streams.full_of_unclaimed:
                self._drops = True
                self.streams.room.unpark_all()
        else:
            self.streams.publish(event, size)

    def flush(self) -> None:
        """The client is being left: what can be told is told, at once.

        Messages that were fetched or held stay out of the streams: some before them are not there, so
        the position stays before them, and the next program gets each of them once.
        """
        for hole in self._holes:
            if hole.told in {_Told.NOTHING, _Told.GOING_ON}:
                self._publish_gap(hole.gap(recovered=False, cause=None))
                hole.told = _Told.MISSING
            for event, size in hole.held.take_all():
                if message_key(event) is None:
                    self.streams.publish(event, size)

    def clear(self) -> None:
        """Forget everything: the user has gone."""
        self._reopened = self._last_held = None
        self._first = True
        self._holes.clear()
        self._fetched.clear()
        self._note_unfetched()

    def _add(self, absence: Disconnection, now: float, *, first: bool) -> None:
        if self._holes and self._holes[-1].before_id is None:
            self._holes[-1].extend(now)
            return
        # In a running client, behind what was received: to fetch that again would be of no use.
        received = [number for number in (self.streams.last_id, self._last_held) if number is not None and not first]
        start = Cursor(id=max(received)) if received else self.start()
        if start is not None:
            self._holes.append(_Hole(absence, now, start, start.id))
            return
        message = "No message was ever seen, and no answer of the server had a Date: nothing tells where to begin."
        nowhere = CometConnError(message, code="NO_STARTING_POINT")
        self._publish_gap(gap(absence, now, cause=nowhere))

    def _publish_gap(self, marker: Gap) -> None:
        if self.observer is not None:
            self.observer.gap_marked(marker)
        self.streams.publish(marker, 0)

    def _note_unfetched(self) -> None:
        self.streams.unfetched_after = _unfetched_after(self._holes[0].start) if self._holes else None

    # The task.

    @trio.lowlevel.enable_ki_protection
    async def run(self, link: Link) -> None:
        """Fill the holes, one after the other. Ends with the lease, whatever is left."""
        for hole in tuple(self._holes):
            if not link.over:
                await self._fill(hole, link)

    async def _fill(self, hole: _Hole, link: Link) -> None:
        if not hole.in_order and not await self._pour(hole.held, link):
            return
        self._unplaced = ()
        while hole.place is not None:
            page = await self._next_page(hole, hole.place, link)
            if page is None or not await self._take(hole, page, link):
                return
            if hole.place is not None and (self._fetched.full or hole.told not in {_Told.NOTHING, _Told.MISSING}):
                if not await self._hand_on(hole, link):
                    return
                self._spent = 0.0  # there is progress, and the streams know
        await self._finish(hole, link)

    async def _next_page(self, hole: _Hole, place: Cursor, link: Link) -> MessagePage | None:
        """Ask until the page is here; return `None` when it was refused, or the lease is over.

        When fetching has taken so long that live events may wait no longer, let them flow, and go on.
        """
        failure: Exception | None = None
        not_before, retry = trio.current_time(), 0
        while not link.over:
            began = trio.current_time()
            patience = self.timing.request_timeout - self._spent if self._holding else math.inf
            answer: MessagePage | Exception | None = None
            with trio.move_on_after(max(0.0, patience)) as scope:
                await trio.sleep_until(not_before)
                answer = await self._ask(place)
            self._spent += trio.current_time() - began
            if link.over:  # the page may have come with the lease's end, and be a user's who has gone
                break
            if isinstance(answer, MessagePage):
                return answer
            if answer is None:
                assert scope.cancelled_caught, "the lease stands"
                if not await self._let_live_flow(hole, failure or self._slow(), link):
                    break
                continue
            failure = answer
            if isinstance(failure, ApiError) and is_token_unknown(failure):
                await self.forget(failure)
                break
            if not _is_transient(failure):
                await self._give_up(hole, failure, link)
                break
            asked = failure.retry_after if isinstance(failure, ApiError) else None
            base, cap = self.timing.retry_base, self.timing.retry_cap
            delay = retry_delay(retry, self.random(), base=base, cap=cap, retry_after=asked or 0.0)
            not_before, retry = trio.current_time() + delay, retry + 1
        return None

    async def _ask(self, place: Cursor) -> MessagePage | Exception:
        try:
            return await self.fetch(self.identity.logged_in("catching up"), place)
        except Exception as error:  # noqa: BLE001 - whatever a request raises becomes the cause of a gap
            return error

    def _slow(self) -> ApiError:
        return ApiError(
            f"Fetching the missed messages took longer than request_timeout, {self.timing.request_timeout:g} s."
        )

    async def _take(self, hole: _Hole, page: MessagePage, link: Link) -> bool:
        """Read a page; return whether the lease still stands."""
        texts = list(page.messages)
        if self._unplaced and tuple(texts[: len(self._unplaced)]) == self._unplaced:
            del texts[: len(self._unplaced)]  # the page before ended with these
        self._unplaced = page.messages[len(page.messages) - page.unplaced :]
        hole.place = page.next
        max_items = self.identity.settings.limits.max_items
        decoder = Decoder(self.identity.uid, self.identity.session_id, max_items, self.streams.note_unread)
        ids, decoded = set(), 0
        for count, text in enumerate(texts, start=1):
            event = self._read(decoder, text)
            number = event.id if isinstance(event, Echo) else message_key(event)
            if number is not None:
                if hole.before_id is not None and number >= hole.before_id:
                    hole.place = None  # from here on they came live
                    break
                ids.add(number)
            if not isinstance(event, Echo):
                self._fetched.put(event, len(text))
            decoded += len(text)
            if count % _DECODE == 0 or decoded > _DECODE_BYTES:
                decoded = 0
                await trio.lowlevel.checkpoint()
                if link.over:
                    return False
        # Not left to the streams: they remember fewer messages than may be fetched.
        self.streams.drop_duplicates(hole.held.drop(lambda event: message_key(event) in ids))
        if self.observer is not None:
            self.observer.page_fetched(len(page.messages), more=hole.place is not None)
        return True

    def _read(self, decoder: Decoder, text: bytes) -> Event | Echo:
        """Return what one message of a page says: no other one suffers from it."""
        limits = self.identity.settings.limits
        if len(text) <= limits.max_message:
            return decoder.decode_fetched(text)
        event = long_fetched(text, limits)
        self.streams.note_unread(event)
        return event

    # What each step tells, and hands over. These return whether the lease still stands: if not, the next connection goes on.

    async def _hand_on(self, hole: _Hole, link: Link) -> bool:
        """More was missed than is fetched ahead: hand over what is here."""
        if hole.told is _Told.NOTHING and not await self._tell(hole, _Told.GOING_ON, link, recovered=None):
            return False
        if hole.told is _Told.MISSING and not await self._tell(hole, _Told.LATE, link, recovered=True):
            return False
        return await self._pour_fetched(hole, link)

    async def _finish(self, hole: _Hole, link: Link) -> bool:
        """The last page is here."""
        late = hole.told is _Told.MISSING
        if (late or hole.told is _Told.NOTHING) and not await self._tell(
            hole, _Told.LATE if late else _Told.RECOVERED, link, recovered=True
        ):
            return False
        if not await self._pour_fetched(hole, link):
            return False
        if hole.told is _Told.GOING_ON and not await self._tell(hole, _Told.RECOVERED, link, recovered=True):
            return False
        if not await self._pour(hole.held, link):
            return False
        self._holes.remove(hole)
        self._settled()
        return True

    async def _give_up(self, hole: _Hole, cause: Exception, link: Link) -> bool:
        """A page was refused: say so, and leave the rest of this hole to the next connection."""
        if hole.in_order or hole.told is _Told.LATE:
            if not await self._release(hole, cause, link):
                return False
        else:
            self._fetched.clear()
        self._settled()
        return True

    async def _let_live_flow(self, hole: _Hole, cause: Exception, link: Link) -> bool:
        """Live events have waited long enough: they come now, and what is fetched from now on comes late."""
        for other in self._holes:
            if other.holds and not await self._release(other, cause, link, fetched=other is hole):
                return False
        self._settled()
        return True

    async def _release(self, hole: _Hole, cause: Exception, link: Link, *, fetched: bool = True) -> bool:
        if hole.in_order or hole.told is _Told.LATE:
            was_in_order = hole.in_order
            if not await self._tell(hole, _Told.MISSING, link, recovered=False, cause=cause):
                return False
            if fetched and was_in_order and not await self._pour_fetched(hole, link):
                return False
        return await self._pour(hole.held, link)

    async def _tell(
        self,
        hole: _Hole,
        told: _Told,
        link: Link,
        *,
        recovered: bool | None,
        cause: Exception | None = None,
    ) -> bool:
        if not await self._room(link):
            return False
        hole.told = told
        self._publish_gap(hole.gap(recovered=recovered, cause=cause))
        return True

    async def _pour_fetched(self, hole: _Hole, link: Link) -> bool:
        return await self._pour(self._fetched, link, hole)

    async def _pour(self, buffer: Buffer, link: Link, hole: _Hole | None = None) -> bool:
        """Publish what is in *buffer*, no faster than pausing streams are read. Of fetched messages of *hole* take note."""
        count = 0
        while buffer:
            if not await self._room(link):
                return False
            event, size = buffer.take()
            number = message_key(event) if hole is not None else None
            if hole is None or number is None:
                self.streams.publish(event, size)
            elif (
                hole.in_order or hole.before_id is None or number < hole.before_id
            ):  # or it came live, and was not held
                self.streams.publish(event, size)
                hole.start = Cursor(id=max(number, hole.start.id or 0))
                self._note_unfetched()
            count += 1
            if count % _DRAIN == 0:
                await trio.lowlevel.checkpoint()
        return not link.over

    async def _room(self, link: Link) -> bool:
        """Wait while a stream is full; and while no stream is open, and what is unclaimed would be dropped.

        When as many live events are held back as may be, it no longer waits for a listener: the socket would stand still
        for good in a program that has none.
        """
        while (self.streams.full or (self.streams.full_of_unclaimed and not self._drops)) and not link.over:
            await self.streams.room.park()
        return not link.over

    def _settled(self) -> None:
        self._drops = False
        self._note_unfetched()
        if self.observer is not None:
            self.observer.drained()
        self.streams.room.unpark_all()  # the receive loop may wait for room here


def _unfetched_after(place: Cursor) -> int:
    return NOWHERE if place.id is None else place.id


def _is_transient(error: Exception) -> bool:
    """Tell whether the page may come when it is asked for again: also when what came was no list, or was cut off."""
    if not isinstance(error, ApiError):
        return False
    no_list = error.code == "INVALID_RESPONSE" and error.status is not None and error.status < _CLIENT_ERRORS
    return error.worth_retrying or no_list
