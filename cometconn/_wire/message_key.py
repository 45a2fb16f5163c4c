"""The id by which an event is judged a duplicate. It is read for every event, and needs no decoder."""

from __future__ import annotations

from typing import Final

from cometconn.events import Event, Message, MessageDeleted, MessageEdited, UnknownEvent, UnreadableFrame

__all__ = ["body_id", "message_key"]

_NUMBERED: Final = (Message, MessageEdited, MessageDeleted)


def message_key(event: Event) -> int | None:
    """Return the id by which *event* is judged a duplicate; `None` if it never is one.

    Only messages have one, unreadable ones included. An edit or a deletion has an id of its own, other than that of the
    message it changes. The result of a moderation repeats the message's id, so it has none here.
    """
    if isinstance(event, _NUMBERED):
        return event.id
    if isinstance(event, UnknownEvent) and event.type == "message":
        return body_id(event.raw.get("body", event.raw))
    return event.message_id if isinstance(event, UnreadableFrame) else None


def body_id(body: object) -> int | None:
    """Return the id in a message's body, if there is one."""
    from .converter import to_int  # noqa: PLC0415 - the first client needs no decoder: 40 ms less until it is there

    try:
        return to_int(body.get("id")) if isinstance(body, dict) else None
    except ValueError:
        return None
