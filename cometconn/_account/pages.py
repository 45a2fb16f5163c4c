"""Lists of messages that come page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import trio

from cometconn._json.parts import MOST_ELEMENTS, elements, members, raw_message_id, split_object
from cometconn.errors import ApiError

__all__ = ["MessagePage", "Place"]


@attrs.frozen
class Place:
    """Where a list begins: behind one message, or behind a moment. One of the two is given.

    Attributes:
        id: behind the message with this id.
        sent_at: behind what was sent by then, in seconds since 1970, by the server's clock.
    """

    id: int | None = None
    sent_at: int | None = None

    def __attrs_post_init__(self) -> None:
        """A list of all messages there are is not what this is for."""
        assert (self.id is None) != (self.sent_at is None), "one of the two"

    def query(self) -> dict[str, int]:
        """Return the parameters of the URL."""
        return {"id": self.id} if self.id is not None else {"sentAt": self.sent_at or 0}


@attrs.frozen
class MessagePage:
    """One page of messages, the oldest first.

    Attributes:
        messages: the JSON of each message, unread: what a `message` frame has as its body.
        next: where the next page begins; `None` when this was the last.
        unplaced: how many of the last messages have no id, so that the next page may begin with them again.
    """

    messages: tuple[bytes, ...] = attrs.field(repr=False)
    next: Place | None
    unplaced: int = 0

    @staticmethod
    async def members(answer: bytes) -> dict[str, bytes]:
        """Return the JSON of each member of *answer* that `read()` needs; nothing if it is no object."""
        found = {}
        try:
            for member in members(answer):
                if member is None:
                    await trio.lowlevel.checkpoint()
                else:
                    found[member[0]] = member[1]
        except ValueError:
            return {}
        await trio.lowlevel.checkpoint()  # here and below: each pass through a long page takes milliseconds
        return found

    @classmethod
    async def read(cls, members: Mapping[str, bytes], asked: Place) -> MessagePage:
        """Read the answer to a request for what is behind *asked*. It lets others run where that takes long.

        Args:
            members: the JSON of each member of the answer. Messages are only told apart here, so that a bad one does not
                cost the page.
            asked: what was asked for.

        Raises:
            ApiError: `INVALID_RESPONSE`: it is no list. `INVALID_LIST`: the list would go on for ever, because this page
                has no message with a larger id than the one that was asked for; or it has more than a thousand
                messages. Asking again does not help.
        """
        messages = await _elements(members.get("data", b""))
        await trio.lowlevel.checkpoint()
        meta = _read(members.get("meta", b""))
        pages = _number(_mapping(meta, "pagination"), "total_pages")
        if not messages or (pages is not None and pages <= 1):
            return cls(tuple(messages), None)
        # The page goes on behind its last message; where that has no id, behind the last one that has.
        unplaced, last = 0, None
        for text in reversed(messages):
            if (last := raw_message_id(text)) is not None:
                break
            unplaced += 1
            await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        cursor = _number(_mapping(meta, "cursor"), "id")
        if unplaced and cursor is not None and cursor > (last if last is not None else asked.id or 0):
            unplaced, last = 0, cursor
        if last is None or (asked.id is not None and last <= asked.id):
            message = "The server's list of messages does not go on from its own last message."
            raise ApiError(message, code="INVALID_LIST", status=200)
        return cls(tuple(messages), Place(id=last), unplaced)


async def _elements(text: bytes) -> list[bytes]:
    messages = []
    try:
        for element in elements(text):
            if element is None:
                await trio.lowlevel.checkpoint()
            else:
                messages.append(element)
    except OverflowError:
        message = f"The server's list of messages has more than {MOST_ELEMENTS:,}."
        raise ApiError(message, code="INVALID_LIST", status=200) from None
    except ValueError:
        message = "The server's answer to a request for messages has no list of messages."
        raise ApiError(message, code="INVALID_RESPONSE", status=200) from None
    return messages


def _read(text: bytes) -> Mapping[str, Any]:
    """Return the object that *text* is, as far as its members can be read."""
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
