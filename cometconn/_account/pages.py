"""Lists of messages that come page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from cometconn.errors import ApiError

__all__ = ["MessagePage", "Place"]

_FIELDS = {"id": "id", "sent_at": "sentAt", "updated_at": "updatedAt"}


@attrs.frozen
class Place:
    """Where a list goes on: behind one message, or behind a moment.

    Both official SDKs name one of the three, and repeat what the server's cursor adds to it.

    Attributes:
        id: behind the message with this id.
        sent_at: behind what was sent by then, in seconds since 1970.
        updated_at: behind what was changed by then, in seconds since 1970.
    """

    id: int | None = None
    sent_at: int | None = None
    updated_at: int | None = None

    def __attrs_post_init__(self) -> None:
        """A list of all messages there are is not what this is for."""
        assert self.query(), "one of the three"

    def query(self) -> dict[str, int]:
        """Return the parameters of the URL."""
        named = {key: getattr(self, name) for name, key in _FIELDS.items()}
        return {key: value for key, value in named.items() if value is not None}


@attrs.frozen
class MessagePage:
    """One page of messages, the oldest first.

    Attributes:
        bodies: the messages as REST gives them: what a `message` frame has as its body.
        next: where the next page begins; `None` when this was the last.
    """

    bodies: tuple[Any, ...] = attrs.field(repr=False)
    next: Place | None

    @classmethod
    def read(cls, answer: Mapping[str, Any], asked: Place) -> MessagePage:
        """Read the answer to a request for what is behind *asked*.

        Raises `ApiError` (`INVALID_RESPONSE`) when it is no list, or would go on for ever.
        """
        bodies = answer.get("data")
        if not isinstance(bodies, list):
            message = "The server's answer to a request for messages has no list of messages."
            raise ApiError(message, code="INVALID_RESPONSE", status=200)
        meta = _mapping(answer, "meta")
        pages = _number(_mapping(meta, "pagination"), "total_pages")
        if not bodies or (pages is not None and pages <= 1):
            return cls(tuple(bodies), None)
        following = _behind(bodies[-1], _mapping(meta, "cursor"), asked)
        if following is None or following == asked:
            message = "The server's list of messages does not go on from its own last message."
            raise ApiError(message, code="INVALID_RESPONSE", status=200)
        return cls(tuple(bodies), following)


def _behind(last: object, cursor: Mapping[str, Any], asked: Place) -> Place | None:
    """Advance what was asked for to the *last* message; the cursor may add an id or a time of sending to it."""
    message = last if isinstance(last, Mapping) else {}
    values: dict[str, int | None] = {}
    for name, key in _FIELDS.items():
        if getattr(asked, name) is None:
            values[name] = None if name == "updated_at" else _number(cursor, key)
        elif (value := _number(message, key)) is None:
            return None
        else:
            values[name] = value
    return Place(**values)


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(holder: Mapping[str, Any], key: str) -> int | None:
    value = holder.get(key)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:  # noqa: PLR2004 - 64 bits
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
