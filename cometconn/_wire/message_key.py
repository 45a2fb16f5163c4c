"""Which message an event is: what is asked of every event, and needs no decoder."""

from __future__ import annotations

from typing import Final

from cometconn.events import Event, Message, MessageDeleted, MessageEdited, UnknownEvent, UnreadableFrame

__all__ = ["body_id", "message_key"]

_NUMBERED: Final = (Message, MessageEdited, MessageDeleted)


def message_key(event: Event) -> int | None:
    """Return the id by which *event* is judged a duplicate; `None` if it never is one.

    Only what came as a message has one, an unreadable one included. An edit or a deletion counts by its own id, not by
    that of the message it changes; a moderation verdict repeats the message's id, so it is
    not judged.
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
