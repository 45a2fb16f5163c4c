"""One range of missed messages."""

from __future__ import annotations

import datetime
import enum
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._streams.buffer import Buffer

if TYPE_CHECKING:
    from cometconn._account.pages import Cursor
    from cometconn.events import Event, Gap

    from .disconnection import Disconnection

__all__ = ["Marked", "MissedRange"]

_MOST: Final = 4096  # ids in `MissedRange.came`


class Marked(enum.Enum):
    """Which `Gap` of a range stands in the streams. In the first three states live events are held behind the range."""

    NOT_YET = enum.auto()
    """None: fetching has begun, and live events wait for it."""
    GOING_ON = enum.auto()
    """`recovered=None`: more was missed than is fetched ahead; pages follow, then a gap with `recovered=True`."""
    RECOVERED = enum.auto()
    """`recovered=True`: all of it was fetched."""
    MISSING = enum.auto()
    """`recovered=False`: live events no longer wait."""
    LATE = enum.auto()
    """`recovered=True` behind a `recovered=False`: what is fetched late follows."""


@attrs.define(eq=False)
class MissedRange:
    """A range of message ids that were missed in one disconnection, and the live events behind it.

    Attributes:
        disconnection: the time without a connection.
        until, until_utc: its end.
        start: where fetching begins; it moves on as fetched messages enter the streams, for a fetch that begins again.
        accepted_by: the latest time on the server's clock at which the connection behind it can have begun, in seconds
            since 1970; `None` if that is unknown.
        after_id, before_id: see `Gap`.
        came: ids of messages that came over the connection behind it while `before_id` was unknown.
        cursor: where the next page begins; `None` when the last one was fetched.
        marked: which `Gap` of it stands in the streams.
        held: live events that stand behind this range and before the next one.
    """

    disconnection: Disconnection
    until: float
    start: Cursor
    accepted_by: float | None
    after_id: int | None
    cursor: Cursor | None = attrs.field(init=False)
    until_utc: datetime.datetime = attrs.field(factory=lambda: datetime.datetime.now(datetime.UTC), init=False)
    before_id: int | None = attrs.field(default=None, init=False)
    came: set[int] = attrs.field(factory=set, init=False)
    marked: Marked = attrs.field(default=Marked.NOT_YET, init=False)
    held: Buffer = attrs.field(factory=Buffer, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the first page."""
        self.cursor = self.start

    @property
    def in_order(self) -> bool:
        """Whether what is fetched still enters the streams before the live events."""
        return self.marked not in {Marked.MISSING, Marked.LATE}

    @property
    def holds(self) -> bool:
        """Whether live events wait for this range."""
        return self.in_order or len(self.held) > 0

    def fetch_again(self) -> None:
        """Begin with the first page whose messages are not all in the streams: a new connection fetches the rest."""
        self.cursor = self.start

    def note_live(self, event: Event, number: int, last_id: int) -> None:
        """Note that *event*, the message with this *number*, came over the connection behind this range.

        The first message that was sent to this connection ends the range. One that was sent before it began is none,
        but was sent again, and other missed messages may stand behind it. That is so if its id is not above *last_id*,
        the largest that has come, also to the program before this one; or if the server's clock does not exclude it.
        """
        if self.before_id is not None or number <= (self.start.id or 0):
            return
        sent_at = getattr(event, "sent_at", None)
        is_new = self.accepted_by is None or (sent_at is not None and sent_at.timestamp() >= self.accepted_by)
        if number > last_id and (is_new or len(self.came) >= _MOST):
            self.before_id = number
        elif len(self.came) < _MOST:
            self.came.add(number)

    def extend(self, until: float, accepted_by: float | None) -> None:
        """Make it end at *until*: another disconnection followed, and no message came between the two."""
        self.until, self.until_utc = until, datetime.datetime.now(datetime.UTC)
        self.accepted_by = accepted_by
        self.marked = Marked.NOT_YET

    def gap(self, *, recovered: bool | None, cause: Exception | None) -> Gap:
        """Return the marker of this range."""
        return self.disconnection.gap(
            self.until,
            until_utc=self.until_utc,
            recovered=recovered,
            cause=cause,
            after_id=self.after_id,
            before_id=self.before_id,
        )
