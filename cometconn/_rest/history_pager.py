"""The pages of a conversation's messages, in either direction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import attrs
import trio

from cometconn._json.parts import raw_message_id
from cometconn.events import Message

from .pager import Pager

if TYPE_CHECKING:
    from cometconn._account.pages import PageMeta

__all__ = ["Bound", "HistoryPager"]

_SHORT: Final = 64 * 1024  # bytes of an element; to find the id in a longer one takes milliseconds, at worst
_AT_ONCE: Final = 16  # elements between two checkpoints


@attrs.frozen
class Bound:
    """Where a history begins or ends, exclusively.

    Attributes:
        id: at the message with this id;
        time: or at this time, an aware `datetime`.
    """

    id: int | None = None
    time: datetime.datetime | None = None

    def query(self, *, forward: bool) -> Mapping[str, int]:
        """Return the parameter of the first page. The server counts in seconds, so it may return a second too much."""
        if self.time is None:
            return {} if self.id is None else {"id": self.id}
        seconds = int(self.time.timestamp() // 1)
        is_whole = self.time.microsecond == 0
        return {"sentAt": seconds if is_whole or forward else seconds + 1}

    def distance(self, message: Message) -> float | None:
        """Return a number above 0 for a newer message, below 0 for an older one; `None` for one without a time."""
        if self.time is None:
            return message.id - (self.id or 0)
        return None if message.sent_at is None else (message.sent_at - self.time).total_seconds()


@attrs.define(eq=False, kw_only=True)
class HistoryPager(Pager[Message]):
    """Reads messages in the order of their ids: oldest first, or newest first.

    Each page after the first begins at the id with which the one before ended, so messages that come meanwhile shift nothing,
    and a message is returned once.

    Attributes:
        forward: oldest first.
        kinds: the classes of the messages that are returned.
        begin: only what is beyond it is returned; `None` for no bound.
        end: where the list ends, oldest first; `None` for no bound.
    """

    what: ClassVar[str] = "messages"

    forward: bool
    kinds: tuple[type[Message], ...] = (Message,)
    begin: Bound | None = None
    end: Bound | None = None
    _edge: int | None = attrs.field(default=None, init=False)  # the id with which the page before ended

    def page_query(self) -> Mapping[str, str | int]:
        """Return where the next page begins."""
        affix = "append" if self.forward else "prepend"
        if self._edge is not None:
            # Later pages are whole: of a short one, everything may be of other kinds, a hundred times in a row.
            return {"per_page": self.most_per_page, "id": self._edge, "affix": affix}
        begin = {} if self.begin is None else self.begin.query(forward=self.forward)
        return {"per_page": self.per_page, **begin, "affix": affix}

    async def arrange(self, texts: list[bytes], meta: PageMeta) -> tuple[Sequence[bytes], bool]:
        """Sort the page by id, and leave out what was on the page before. Elements without an id cannot be read; they stand last."""
        placed: dict[int, bytes] = {}
        unplaced: list[bytes] = []
        for count, text in enumerate(texts):
            number = raw_message_id(text)
            if number is None:
                unplaced.append(text)
            elif self._is_beyond(number):
                placed[number] = text
            if count % _AT_ONCE == 0 or len(text) > _SHORT:
                await trio.lowlevel.checkpoint()
        ids = sorted(placed, reverse=not self.forward)
        edge = ids[-1] if ids else None
        if meta.cursor_id is not None and unplaced and self._is_beyond(meta.cursor_id):
            further = max if self.forward else min
            edge = meta.cursor_id if edge is None else further(edge, meta.cursor_id)
        is_last = not texts or (meta.total_pages is not None and meta.total_pages <= (meta.current_page or 1))
        if edge is None and not is_last:
            if meta.total_pages is not None or len(texts) >= self.per_page:
                fault = "does not continue after the last message of its page"
                raise self.error(fault)
            is_last = True
        self._edge = edge
        return [*(placed[number] for number in ids), *unplaced], is_last

    def _is_beyond(self, number: int) -> bool:
        edge = self._edge if self._edge is not None or self.begin is None else self.begin.id
        return edge is None or (number > edge if self.forward else number < edge)

    def read(self, text: bytes) -> Message | None:
        """Decode a message; `None` if it cannot be read, or is not wanted. Beyond the end, the list ends."""
        event = self.reader.event(text)
        if event is None:
            return None
        self.is_readable()
        if not isinstance(event, self.kinds):
            return None
        behind = None if self.end is None else self.end.distance(event)
        if behind is not None and behind >= 0:
            self.stop()
            return None
        passed = None if self.begin is None else self.begin.distance(event)
        if passed is not None and (passed <= 0 if self.forward else passed >= 0):
            return None  # a server may take the bound as included
        return event
