"""What was missed while away: fetched page by page, and put in its place."""

from __future__ import annotations

import datetime
import json
import time
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn._account.api import is_token_unknown
from cometconn._account.pages import Place
from cometconn._wire.codec import decode_message, message_key
from cometconn.errors import ApiError, CometConnError
from cometconn.events import Event, Gap

from .buffer import Buffer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.pages import MessagePage
    from cometconn._account.session import Session

    from .absence import Absence
    from .identity import Identity
    from .link import Link
    from .streams import Streams

__all__ = ["CatchUp", "gap"]

_MOST_FETCHED = 10_000  # messages; who missed more is told so
_MOST_FETCHED_BYTES = 16 * 1024 * 1024
_DEEP = 16 * 1024  # bytes: taken for a message nested too deeply to be measured
_EARLY = 2  # seconds: the place itself is not fetched, and the server's clock may be a second behind ours
_DRAIN = 64  # events handed over between two checkpoints


def gap(absence: Absence, until: float, *, recovered: bool = False, cause: Exception | None = None) -> Gap:
    """Return the marker of *absence*, which ends at *until*."""
    until_utc = datetime.datetime.now(datetime.UTC)
    away = datetime.timedelta(seconds=until - absence.since)
    return Gap(
        since=absence.since,
        until=until,
        since_utc=min(until_utc - away, absence.since_utc),
        until_utc=until_utc,
        cause=cause or absence.cause,
        recovered=recovered,
    )


@attrs.define(eq=False)
class CatchUp:
    """Fetches after an absence, and holds live events back until what was missed stands before them.

    It belongs to the client and not to a link: what an interrupted one has fetched and held
    is taken up after the next connection, so that nothing is told twice or out of order.

    Attributes:
        identity: who asks.
        streams: get the events; they know the last message.
        fetch: gets one page.
        forget: the server no longer knows the token: log out.
        patience: seconds all of it may hold live events back.
        fetched: what was missed, on its way into the streams.
        held: live events that stand behind it; when it is full the socket is not read.
    """

    identity: Identity
    streams: Streams
    fetch: Callable[[Session, Place], Awaitable[MessagePage]]
    forget: Callable[[ApiError], Awaitable[None]]
    patience: float
    _absence: Absence | None = attrs.field(default=None, init=False)
    _reopened: Absence | None = attrs.field(default=None, init=False)
    _until: float = attrs.field(default=0.0, init=False)
    _listening_since: float | None = attrs.field(default=None, init=False)
    _from: Place | None = attrs.field(default=None, init=False)
    _fetched_to: int | None = attrs.field(default=None, init=False)
    fetched: Buffer = attrs.field(factory=lambda: Buffer(_MOST_FETCHED, _MOST_FETCHED_BYTES), init=False)
    held: Buffer = attrs.field(factory=Buffer, init=False)

    @property
    def pending(self) -> bool:
        """Whether live events are to be held back."""
        return self._absence is not None

    @property
    def full(self) -> bool:
        """Whether so much is held back that the socket must not be read."""
        return self.held.full

    @property
    def position(self) -> int | None:
        """The last message before which none is missing."""
        known = [number for number in (self.streams.last_id, self._fetched_to) if number is not None]
        return max(known, default=None)

    def reopened(self, absence: Absence, seen_at: float) -> None:
        """The program was closed: its first connection ends that absence. *seen_at*: since then, on the wall clock."""
        self._reopened = absence
        self._listening_since = seen_at

    def begin(self, absence: Absence | None, now: float) -> None:
        """The client is authenticated again. What an earlier connection left undone is part of it."""
        if self._listening_since is None:
            self._listening_since = time.time()
        absence = absence or self._reopened
        self._reopened = None
        if absence is None and self._absence is None:
            return
        self._absence = self._absence or absence
        assert self._absence is not None, "one of the two"
        self._until = now
        position = self.position
        if position is not None:
            self._from = Place(id=position)
        elif self._from is None:
            # No message was ever seen. Not from the loss: it is judged late, and what was on its way was lost with it.
            self._from = Place(sent_at=max(0, int(self._listening_since) - _EARLY))

    def hold(self, event: Event, size: int) -> None:
        """Keep a live event until what was missed stands before it."""
        self.held.put(event, size)

    @trio.lowlevel.enable_ki_protection
    async def run(self, link: Link) -> None:
        """Fetch, tell of the gap, hand everything over. Ends with the lease, whatever is left."""
        failed = await self._fetch(link)
        if link.over or self._absence is None:
            return
        self.streams.publish(gap(self._absence, self._until, recovered=failed is None, cause=failed), 0)
        await self._hand_over(link)

    def flush(self) -> None:
        """The client is being left: what is here goes into the streams, at once.

        All but live messages that were held back: some before them may not have been fetched, so
        the saved position stays before them, and the next program gets each of them once.
        """
        if self._absence is not None:
            self.streams.publish(gap(self._absence, self._until), 0)
            for event, size in self.fetched.take_all():
                self.streams.publish(event, size)
            for event, size in self.held.take_all():
                if message_key(event) is None:
                    self.streams.publish(event, size)
        self.clear()

    def clear(self) -> None:
        """Forget everything: the user has gone."""
        self._absence = self._reopened = self._listening_since = self._from = self._fetched_to = None
        self.fetched.clear()
        self.held.clear()

    async def _fetch(self, link: Link) -> CometConnError | None:
        """Fetch to the end; return why it could not be."""
        try:
            with trio.fail_after(self.patience):
                while self._from is not None and not link.over:
                    page = await self.fetch(self.identity.logged_in("catching up"), self._from)
                    if not link.over:  # or it comes with the lease's end, and may be a user's who has gone
                        self._take(page)
        except trio.TooSlowError:
            return ApiError(f"Fetching the missed messages took longer than request_timeout, {self.patience:g} s.")
        except ApiError as error:
            if is_token_unknown(error) and not link.over:
                await self.forget(error)
            return error
        except CometConnError as error:
            return error
        return None

    def _take(self, page: MessagePage) -> None:
        self._from = page.next
        ids = set()
        for body in page.bodies:
            event = decode_message(body, own_uid=self.identity.uid)
            number = message_key(event)
            if number is not None:
                ids.add(number)
                self._fetched_to = max(number, self._fetched_to or 0)
            if not self._is_echo(body):
                self.fetched.put(event, _size(body))
        # Not left to the streams: they remember fewer messages than may be fetched.
        self.streams.drop_duplicates(self.held.drop(lambda event: message_key(event) in ids))
        if self.streams.witness is not None:
            self.streams.witness.page_fetched(len(page.bodies), more=self._from is not None)
        if self.fetched.full and self._from is not None:
            message = (
                f"More than {self.fetched.max_events} messages or {self.fetched.max_bytes} bytes were missed: "
                "the later ones are not fetched."
            )
            raise CometConnError(message, code="TOO_MANY_MISSED")

    def _is_echo(self, body: Any) -> bool:
        data = body.get("data") if isinstance(body, dict) else None
        return isinstance(data, dict) and data.get("resource") == self.identity.session_id

    async def _hand_over(self, link: Link) -> None:
        """Publish what was fetched and then what was held, no faster than pausing streams are read."""
        count = 0
        while queue := self.fetched or self.held:
            while self.streams.full and not link.over:
                await self.streams.room.park()
            if link.over:
                return
            self.streams.publish(*queue.take())
            count += 1
            if count % _DRAIN == 0:
                await trio.lowlevel.checkpoint()
        self._absence = self._from = self._fetched_to = None
        if self.streams.witness is not None:
            self.streams.witness.drained()
        self.streams.room.unpark_all()  # the receive loop may wait for room here


def _size(body: object) -> int:
    """Return about how long the frame would have been."""
    try:
        return len(json.dumps(body, default=str))
    except RecursionError:
        return _DEEP
