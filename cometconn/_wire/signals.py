"""All other frames that are events: receipts, typing, presence and so on. Tables by type and action."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from cometconn.events import (
    AIAssistantEvent,
    Event,
    InteractionGoalCompleted,
    MessageModerated,
    MessagesDelivered,
    MessagesDeliveredToAll,
    MessagesRead,
    MessagesReadByAll,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Receipt,
    TransientMessage,
    Typing,
    TypingEnded,
    TypingStarted,
    UserOffline,
    UserOnline,
)

from .bodies import message_inside, read_body
from .source import Choice, Reader, Source

__all__ = ["READERS"]

_USER = ("user",)


def _addressed(kind: type[Typing | TransientMessage]) -> Reader:
    def read(source: Source) -> Event:
        return source.make(kind, sender=source.person(_USER), receiver=source.addressee())

    return read


def _about_message(kind: type[Receipt | InteractionGoalCompleted]) -> Reader:
    def read(source: Source) -> Event:
        return source.make(
            kind,
            sender=source.person(_USER),
            receiver=source.addressee(),
            message_sender=source.envelope_text("messageSender"),
        )

    return read


def _presence(kind: type[UserOnline | UserOffline], status: str) -> Reader:
    def read(source: Source) -> Event:
        user = source.person(_USER)
        seen = source.time(("timestamp",)) or user.last_active_at
        return source.make(kind, user=attrs.evolve(user, status=status, last_active_at=seen))

    return read


def _reaction(kind: type[Reaction]) -> Reader:
    def read(source: Source) -> Event:
        return source.make(
            kind,
            reacted_by=source.person(("reactedBy",), plain=(("uid",),)),
            receiver=source.addressee(),
        )

    return read


def _read_moderated(source: Source) -> Event | None:
    message = message_inside(source, ())
    return None if message is None else source.make(MessageModerated, message=message)


def _read_ai_step(source: Source) -> Event:
    return source.make(AIAssistantEvent)


READERS: Mapping[str, Reader] = {
    "message": read_body,
    "receipts": Choice(
        ("action",),
        {
            "delivered": _about_message(MessagesDelivered),
            "read": _about_message(MessagesRead),
            "deliveredToAll": _about_message(MessagesDeliveredToAll),
            "readByAll": _about_message(MessagesReadByAll),
        },
    ),
    "typing_indicator": Choice(("action",), {"started": _addressed(TypingStarted), "ended": _addressed(TypingEnded)}),
    "presence": Choice(
        ("action",),
        {
            "online": _presence(UserOnline, "online"),
            "available": _presence(UserOnline, "online"),
            "offline": _presence(UserOffline, "offline"),
        },
    ),
    "transient_message": _addressed(TransientMessage),
    "reaction": Choice(
        ("action",),
        {"message_reaction_added": _reaction(ReactionAdded), "message_reaction_removed": _reaction(ReactionRemoved)},
    ),
    "interaction_completed": _about_message(InteractionGoalCompleted),
    "on_moderation_status_changed": _read_moderated,
    "streamed_message": _read_ai_step,
}
"""A reader for each `type` of frame that is an event."""
