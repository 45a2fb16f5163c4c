"""Typed text messages by cattrs, as a program without cometconn would have them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from cattrs import Converter

__all__ = ["TextMessage", "User", "reader"]


@attrs.frozen
class User:
    """The attributes of a user in the frames."""

    uid: str
    name: str | None = None
    role: str | None = None
    avatar: str | None = None
    status: str | None = None


@attrs.frozen
class TextMessage:
    """The attributes of a text message in the frames."""

    id: int
    sender: User
    receiver: User
    conversation_id: str
    sent_at: datetime.datetime
    text: str
    muid: str | None = None
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    raw: Mapping[str, Any] = attrs.field(factory=dict)


def reader(*, detailed: bool = True) -> Callable[[Any], TextMessage]:
    """Return a function from the decoded JSON to a message; *detailed* is cattrs' default validation."""
    converter = Converter(detailed_validation=detailed)
    converter.register_structure_hook(
        datetime.datetime, lambda value, _: datetime.datetime.fromtimestamp(value, datetime.UTC)
    )

    def read(frame: Any) -> TextMessage:
        body = frame["body"]
        data = body["data"]
        entities = data["entities"]
        picked = {
            "id": body["id"],
            "sender": entities["sender"]["entity"],
            "receiver": entities["receiver"]["entity"],
            "conversation_id": body["conversationId"],
            "sent_at": body["sentAt"],
            "text": data["text"],
            "muid": body["muid"],
            "metadata": data["metadata"],
            "raw": frame,
        }
        return converter.structure(picked, TextMessage)

    return read
