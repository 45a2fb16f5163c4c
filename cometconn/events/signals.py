"""Events that are not messages: receipts, typing, presence, transient messages, reactions, interactions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Group, User, _ServerEvent
from .messages import Interaction

__all__ = [
    "InteractionGoalCompleted",
    "MessagesDelivered",
    "MessagesDeliveredToAll",
    "MessagesRead",
    "MessagesReadByAll",
    "Presence",
    "Reaction",
    "ReactionAdded",
    "ReactionRemoved",
    "Receipt",
    "TransientMessage",
    "Typing",
    "TypingEnded",
    "TypingStarted",
    "UserOffline",
    "UserOnline",
]


@attrs.frozen(kw_only=True)
class Receipt(_ServerEvent):
    """The base class of receipts: a message was delivered or read.

    A receipt also covers all earlier messages of the conversation.

    Attributes:
        message_id: the id of the latest message that it covers.
        sender: the user who received or read it.
        receiver: the `User` or the `Group` that the message was sent to.
        message_sender: the uid of the message's sender.
        timestamp: when it was delivered or read, UTC.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    message_id: int
    sender: User
    receiver: User | Group
    message_sender: str | None = None
    timestamp: datetime.datetime | None = None


@attrs.frozen(kw_only=True)
class MessagesDelivered(Receipt):
    """`sender` has received the messages."""


@attrs.frozen(kw_only=True)
class MessagesRead(Receipt):
    """`sender` has read the messages."""


@attrs.frozen(kw_only=True)
class MessagesDeliveredToAll(Receipt):
    """Every member of the group has received the messages."""


@attrs.frozen(kw_only=True)
class MessagesReadByAll(Receipt):
    """Every member of the group has read the messages."""


@attrs.frozen(kw_only=True)
class Typing(_ServerEvent):
    """The base class of `TypingStarted` and `TypingEnded`.

    Attributes:
        sender: the user who is or was typing.
        receiver: the `User` or the `Group` in whose conversation.
        metadata: the sending app's own data.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    sender: User
    receiver: User | Group
    metadata: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class TypingStarted(Typing):
    """`sender` started typing."""


@attrs.frozen(kw_only=True)
class TypingEnded(Typing):
    """`sender` stopped typing."""


@attrs.frozen(kw_only=True)
class Presence(_ServerEvent):
    """The base class of `UserOnline` and `UserOffline`.

    Attributes:
        user: the user. `user.status` is the new presence, `user.last_active_at` the time that the server sent.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    user: User


@attrs.frozen(kw_only=True)
class UserOnline(Presence):
    """A user came online: `user.status` is `"online"`."""


@attrs.frozen(kw_only=True)
class UserOffline(Presence):
    """A user went offline: `user.status` is `"offline"`."""


@attrs.frozen(kw_only=True)
class TransientMessage(_ServerEvent):
    """Data that the server sends only to clients connected at that moment, and does not store.

    Attributes:
        sender: the user who sent it.
        receiver: the `User` or the `Group` that it was sent to.
        data: the data: any JSON value.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    sender: User
    receiver: User | Group
    data: Any = attrs.field(default=None, hash=False)


@attrs.frozen(kw_only=True)
class Reaction(_ServerEvent):
    """The base class of `ReactionAdded` and `ReactionRemoved`.

    Attributes:
        message_id: the message's id.
        reaction: the emoji.
        reacted_by: the user whose reaction it is.
        receiver: the `User` or the `Group` that the message was sent to.
        reacted_at: when the user reacted, UTC.
        id: the reaction's id.
        conversation_id: the conversation's id, in CometChat's format; empty if the server did not send it.
        parent_message_id: the id of the message that begins the thread, if the message is in one.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    message_id: int
    reaction: str
    reacted_by: User
    receiver: User | Group
    reacted_at: datetime.datetime | None = None
    id: str | None = None
    conversation_id: str = ""
    parent_message_id: int | None = None


@attrs.frozen(kw_only=True)
class ReactionAdded(Reaction):
    """`reacted_by` added a reaction to the message."""


@attrs.frozen(kw_only=True)
class ReactionRemoved(Reaction):
    """`reacted_by` removed a reaction from the message."""


@attrs.frozen(kw_only=True)
class InteractionGoalCompleted(_ServerEvent):
    """A user completed the interaction goal of an `InteractiveMessage`.

    Attributes:
        sender: the user.
        receiver: the `User` or the `Group` that the message was sent to.
        interactions: the elements that the user used.
        message_id: the message's id.
        message_sender: the uid of the message's sender.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    sender: User
    receiver: User | Group
    interactions: tuple[Interaction, ...]
    message_id: int | None = None
    message_sender: str | None = None
