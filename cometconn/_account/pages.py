"""Lists of messages that the REST API returns page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import trio

from cometconn._json.parts import MOST_ELEMENTS, elements, members, raw_message_id, split_object
from cometconn.errors import ApiError

__all__ = ["Cursor", "MessagePage", "PageMeta", "list_elements"]


@attrs.frozen
class Cursor:
    """Where a page begins: after a message, or after a time. Exactly one of the two is given.

    Attributes:
        id: the page begins after the message with this id.
        sent_at: the page begins after what was sent by then, in seconds since 1970 on the server's clock.
    """

    id: int | None = None
    sent_at: int | None = None

    def __attrs_post_init__(self) -> None:
        """Reject a cursor without a beginning: it would fetch every message that there is."""
        assert (self.id is None) != (self.sent_at is None), "one of the two"

    def query(self) -> dict[str, int]:
        """Return the query parameters of the URL."""
        return {"id": self.id} if self.id is not None else {"sentAt": self.sent_at or 0}


@attrs.frozen
class PageMeta:
    """What the server sends about a page of a list beside its elements. Each is `None` if it is missing or invalid.

    Attributes:
        total_pages: the number of pages, or one more than `current_page` as long as there is a further one.
        current_page: the number of this page, from 1.
        cursor_id: the id with which the page ended.
    """

    total_pages: int | None = None
    current_page: int | None = None
    cursor_id: int | None = None

    @classmethod
    def read(cls, text: bytes) -> PageMeta:
        """Return what is in the undecoded JSON of a response's `meta`."""
        meta = _read(text)
        pagination, cursor = _mapping(meta, "pagination"), _mapping(meta, "cursor")
        return cls(_number(pagination, "total_pages"), _number(pagination, "current_page"), _number(cursor, "id"))


@attrs.frozen
class MessagePage:
    """One page of messages, oldest first.

    Attributes:
        messages: the undecoded JSON of each message: what a `message` frame has as its `body`.
        next: where the next page begins; `None` after the last page.
        unplaced: how many messages at the end have no id, so that the next page may begin with them again.
    """

    messages: tuple[bytes, ...] = attrs.field(repr=False)
    next: Cursor | None
    unplaced: int = 0

    @staticmethod
    async def members(answer: bytes) -> dict[str, bytes]:
        """Return the undecoded JSON of the members of *answer* that `read()` needs; `{}` if it is not an object."""
        found = {}
        try:
            for member in members(answer):
                if member is None:
                    await trio.lowlevel.checkpoint()
                else:
                    found[member[0]] = member[1]
        except ValueError:
            return {}
        await trio.lowlevel.checkpoint()  # here and below, because each pass over a long page takes milliseconds
        return found

    @classmethod
    async def read(cls, members: Mapping[str, bytes], asked: Cursor) -> MessagePage:
        """Read the response to a request for the page at *asked*. A long page is read with checkpoints in between.

        Args:
            members: the undecoded JSON of each member of the response. The messages are separated here and not decoded,
                so that an invalid one does not make the others unreadable.
            asked: the cursor of the request.

        Raises:
            ApiError: `INVALID_RESPONSE`: it is not a list. `INVALID_LIST`: the page has no message with a larger id
                than the requested one, so fetching would never end, or it has more than 1,000 messages. A retry does
                not help.
        """
        messages = await list_elements(members.get("data", b""), "messages")
        await trio.lowlevel.checkpoint()
        meta = PageMeta.read(members.get("meta", b""))
        if not messages or (meta.total_pages is not None and meta.total_pages <= 1):
            return cls(tuple(messages), None)
        # The next page begins after the last message that has an id.
        unplaced, last = 0, None
        for text in reversed(messages):
            if (last := raw_message_id(text)) is not None:
                break
            unplaced += 1
            await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        cursor = meta.cursor_id
        if unplaced and cursor is not None and cursor > (last if last is not None else asked.id or 0):
            unplaced, last = 0, cursor
        if last is None or (asked.id is not None and last <= asked.id):
            message = "The server's list of messages does not continue after its own last message."
            raise ApiError(message, code="INVALID_LIST", status=200)
        return cls(tuple(messages), Cursor(id=last), unplaced)


async def list_elements(text: bytes, what: str) -> list[bytes]:
    """Return the undecoded JSON of each element of the list in *text*. A long one is split with checkpoints in between.

    Args:
        text: the JSON of the list.
        what: what is in it, for error messages: "messages".

    Raises:
        ApiError: `INVALID_RESPONSE`: it is not a list. `INVALID_LIST`: it has more than 1,000 elements.
    """
    found = []
    try:
        for element in elements(text):
            if element is None:
                await trio.lowlevel.checkpoint()
            else:
                found.append(element)
    except OverflowError:
        message = f"The server's list of {what} has more than {MOST_ELEMENTS:,}."
        raise ApiError(message, code="INVALID_LIST", status=200) from None
    except ValueError:
        message = f"The server's answer to a request for {what} has no list of {what}."
        raise ApiError(message, code="INVALID_RESPONSE", status=200) from None
    return found


def _read(text: bytes) -> Mapping[str, Any]:
    """Return the object in *text*; a member that cannot be decoded is `None`."""
    return {name: _value(member) for name, member in (split_object(text) or {}).items()}


def _value(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(holder: Mapping[str, Any], key: str) -> int | None:
    value = holder.get(key)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:  # noqa: PLR2004 - 64 bits
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
