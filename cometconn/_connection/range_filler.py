"""The task that fetches missed messages and puts them into the streams."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_token_unknown
from cometconn._account.pages import Cursor
from cometconn._wire.decoder import Decoder, Echo
from cometconn._wire.message_key import message_key
from cometconn.errors import ApiError

from .long_message import long_fetched
from .missed_range import Marked
from .page_request import PageRequest

if TYPE_CHECKING:
    from cometconn._account.pages import MessagePage
    from cometconn._streams.buffer import Buffer
    from cometconn._streams.streams import Streams
    from cometconn.events import Event

    from .catch_up import CatchUp
    from .link import Link
    from .missed_range import MissedRange

__all__ = ["RangeFiller"]

_DRAIN = 64  # events published between two checkpoints
_DECODE = 16  # messages decoded between two checkpoints,
_DECODE_BYTES = 16 * 1024  # and about so many bytes of them


@attrs.define(eq=False)
class RangeFiller:
    """Fills the ranges of one `CatchUp` during one connection.

    Methods that return a `bool` return whether the lease still lasts; if not, the next connection continues the range.

    Attributes:
        catch_up: knows the ranges, and how to fetch.
        link: the connection.
    """

    catch_up: CatchUp
    link: Link
    _unplaced: tuple[bytes, ...] = attrs.field(default=(), init=False)  # of the page before: messages without an id
    _spent: float = attrs.field(default=0.0, init=False)  # seconds of fetching, while live events waited for it

    @property
    def _streams(self) -> Streams:
        return self.catch_up.streams

    async def run(self) -> None:
        """Fill the ranges, one after the other. Ends with the lease, even if ranges are left."""
        for missed in tuple(self.catch_up.ranges):
            if not self.link.over:
                await self._fill(missed)

    async def _fill(self, missed: MissedRange) -> None:
        if not missed.in_order and not await self._publish(missed.held):
            return
        self._unplaced = ()
        while missed.cursor is not None:
            page = await self._next_page(missed, missed.cursor)
            if page is None or not await self._take(missed, page):
                return
            full = self.catch_up.fetched_ahead.full or missed.marked not in {Marked.NOT_YET, Marked.MISSING}
            if missed.cursor is not None and full:
                if not await self._hand_over(missed):
                    return
                self._spent = 0.0  # what was fetched is in the streams now
        await self._finish(missed)

    # Fetching.

    async def _next_page(self, missed: MissedRange, cursor: Cursor) -> MessagePage | None:
        """Request the page until it is received. Return `None` if it was refused or the lease has ended.

        When live events have waited for `request_timeout` they are released, and fetching goes on.
        """
        catch_up, timing = self.catch_up, self.catch_up.timing
        request = PageRequest(
            lambda: catch_up.fetch(catch_up.identity.logged_in("catching up"), cursor), timing, catch_up.random
        )
        while not self.link.over:
            began = trio.current_time()
            patience = timing.request_timeout - self._spent if catch_up.holding else math.inf
            page: MessagePage | None = None
            with trio.move_on_after(max(0.0, patience)) as scope:
                page = await request.attempt()
            self._spent += trio.current_time() - began
            if self.link.over:  # the page may have come with the end of the lease, for a user who has logged out
                break
            if page is not None:
                return page
            if scope.cancelled_caught:
                if not await self._release_all(missed, request.failure or self._slow()):
                    break
            elif request.refused:
                assert request.failure is not None, "it has one"
                await self._give_up(missed, request.failure)
                break
        return None

    def _slow(self) -> ApiError:
        timeout = self.catch_up.timing.request_timeout
        return ApiError(f"Fetching the missed messages took longer than request_timeout, {timeout:g} s.")

    async def _take(self, missed: MissedRange, page: MessagePage) -> bool:
        """Decode the messages of *page* into the buffer of what is fetched ahead."""
        texts = list(page.messages)
        if self._unplaced and tuple(texts[: len(self._unplaced)]) == self._unplaced:
            del texts[: len(self._unplaced)]  # the page before ended with these
        self._unplaced = page.messages[len(page.messages) - page.unplaced :]
        missed.cursor = page.next
        identity = self.catch_up.identity
        max_items = identity.settings.limits.max_items
        decoder = Decoder(identity.uid, identity.session_id, max_items, self._streams.note_unread)
        ids, decoded = set(), 0
        for count, text in enumerate(texts, start=1):
            if not await self._begin(decoder, text):
                return False
            event = self._decode(decoder, text)
            number = event.id if isinstance(event, Echo) else message_key(event)
            came_live = number in missed.came and not missed.in_order
            if number is not None and not came_live:
                if missed.before_id is not None and number >= missed.before_id:
                    missed.cursor = None  # this message and those behind it came live
                    break
                ids.add(number)
            if not isinstance(event, Echo) and not came_live:
                self.catch_up.fetched_ahead.put(event, len(text))
            decoded += len(text)
            if count % _DECODE == 0 or decoded > _DECODE_BYTES:
                decoded = 0
                await trio.lowlevel.checkpoint()
                if self.link.over:
                    return False
        # The streams would not find all duplicates: they remember fewer messages than may be fetched.
        self._streams.drop_duplicates(missed.held.drop(lambda event: message_key(event) in ids))
        missed.came -= ids  # if the connection ends before they are in the streams, they are fetched again
        if self.catch_up.observer is not None:
            self.catch_up.observer.page_fetched(len(page.messages), more=missed.cursor is not None)
        return True

    async def _begin(self, decoder: Decoder, text: bytes) -> bool:
        """Parse *text*, if it is long, and let other tasks run between the steps."""
        if _DECODE_BYTES < len(text) <= self.catch_up.identity.settings.limits.max_message:
            for _ in decoder.begin(text):
                await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
        return not self.link.over

    def _decode(self, decoder: Decoder, text: bytes) -> Event | Echo:
        """Return the event of one message of a page; one that cannot be read leaves the others as they are."""
        limits = self.catch_up.identity.settings.limits
        if len(text) <= limits.max_message:
            return decoder.decode_fetched(text)
        event = long_fetched(text, limits)
        self._streams.note_unread(event)
        return event

    # Publishing.

    async def _hand_over(self, missed: MissedRange) -> bool:
        """Publish what is fetched ahead: its buffer is full, or the streams have got pages of this range already."""
        if missed.marked is Marked.NOT_YET and not await self._mark(missed, Marked.GOING_ON, recovered=None):
            return False
        if missed.marked is Marked.MISSING and not await self._mark(missed, Marked.LATE, recovered=True):
            return False
        return await self._publish_fetched(missed)

    async def _finish(self, missed: MissedRange) -> bool:
        """The last page was fetched: publish what is left, and the live events behind it."""
        late = missed.marked is Marked.MISSING
        if (late or missed.marked is Marked.NOT_YET) and not await self._mark(
            missed, Marked.LATE if late else Marked.RECOVERED, recovered=True
        ):
            return False
        if not await self._publish_fetched(missed):
            return False
        if missed.marked is Marked.GOING_ON and not await self._mark(missed, Marked.RECOVERED, recovered=True):
            return False
        if not await self._publish(missed.held):
            return False
        self.catch_up.ranges.remove(missed)
        self.catch_up.settled()
        return True

    async def _give_up(self, missed: MissedRange, cause: Exception) -> bool:
        """A page was refused: mark the rest of this range as missing, and leave it to the next connection.

        If it was refused because the server does not know the user's token, the user is logged out instead.
        """
        if isinstance(cause, ApiError) and is_token_unknown(cause):
            await self.catch_up.forget(cause)
            return False
        if missed.in_order or missed.marked is Marked.LATE:
            if not await self._release(missed, cause):
                return False
        else:
            self.catch_up.fetched_ahead.clear()
        self.catch_up.settled()
        return True

    async def _release_all(self, missed: MissedRange, cause: Exception) -> bool:
        """Live events have waited long enough: publish them. What is fetched of *missed* from now on comes after them."""
        for other in self.catch_up.ranges:
            if other.holds and not await self._release(other, cause, fetched=other is missed):
                return False
        self.catch_up.settled()
        return True

    async def _release(self, missed: MissedRange, cause: Exception, *, fetched: bool = True) -> bool:
        if missed.in_order or missed.marked is Marked.LATE:
            was_in_order = missed.in_order
            if not await self._mark(missed, Marked.MISSING, recovered=False, cause=cause):
                return False
            if fetched and was_in_order and not await self._publish_fetched(missed):
                return False
        return await self._publish(missed.held)

    async def _mark(
        self, missed: MissedRange, marked: Marked, *, recovered: bool | None, cause: Exception | None = None
    ) -> bool:
        if not await self._wait_for_room():
            return False
        missed.marked = marked
        self.catch_up.publish_gap(missed.gap(recovered=recovered, cause=cause))
        return True

    async def _publish_fetched(self, missed: MissedRange) -> bool:
        return await self._publish(self.catch_up.fetched_ahead, missed)

    async def _publish(self, buffer: Buffer, missed: MissedRange | None = None) -> bool:
        """Publish the events of *buffer*, no faster than pausing streams are read. *missed*: the range of fetched ones."""
        streams, count = self.catch_up.streams, 0
        while buffer:
            if not await self._wait_for_room():
                return False
            event, size = buffer.take()
            number = message_key(event) if missed is not None else None
            if missed is None or number is None:
                streams.publish(event, size)
            elif missed.in_order or missed.before_id is None or number < missed.before_id:
                streams.publish(event, size)
                missed.start = Cursor(id=max(number, missed.start.id or 0))
                self.catch_up.note_unfetched()
            # Otherwise it came live, and was not held.
            count += 1
            if count % _DRAIN == 0:
                await trio.lowlevel.checkpoint()
        return not self.link.over

    async def _wait_for_room(self) -> bool:
        """Wait while a stream is full; and, while no stream is open, as long as unclaimed events would be dropped.

        The latter only until as many live events are held back as may be: a program without a stream would otherwise
        never read the socket again.
        """
        streams = self._streams
        while (streams.full or (streams.full_of_unclaimed and not self.catch_up.may_drop)) and not self.link.over:
            await streams.room.park()
        return not self.link.over
