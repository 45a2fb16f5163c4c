"""What is not a message: receipts, typing, presence, transient data, reactions, interactions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Event, Group, User, with_lazy_raw
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


@with_lazy_raw
@attrs.frozen(kw_only=True)
class _Signal(Event):
    """What all signals have: the frame they were made from."""

    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class Receipt(_Signal):
    """A message has arrived somewhere, or was read. Each kind is a subclass.

    A receipt stands for all earlier messages of the conversation, too.

    Attributes:
        message_id: the latest message it is about.
        sender: who received or read it.
        receiver: where the message went: the `User`, or the `Group`.
        message_sender: the uid of who sent the message.
        timestamp: when it arrived or was read, UTC.
        raw: the whole frame. Neither shown nor compared.
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
class Typing(_Signal):
    """Somebody begins or stops typing: a `TypingStarted` or a `TypingEnded`.

    Attributes:
        sender: who types.
        receiver: to whom: the `User`, or the `Group`.
        metadata: the sending app's own data.
        raw: the whole frame. Neither shown nor compared.
    """

    sender: User
    receiver: User | Group
    metadata: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class TypingStarted(Typing):
    """`sender` is typing."""


@attrs.frozen(kw_only=True)
class TypingEnded(Typing):
    """`sender` no longer types."""


@attrs.frozen(kw_only=True)
class Presence(_Signal):
    """A user came online or went offline: a `UserOnline` or a `UserOffline`.

    Attributes:
        user: who; `user.status` tells, `user.last_active_at` is the time the server gave.
        raw: the whole frame. Neither shown nor compared.
    """

    user: User


@attrs.frozen(kw_only=True)
class UserOnline(Presence):
    """A user came online.

    Attributes:
        user: who; `user.status` is `"online"`, `user.last_active_at` the time the server gave.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class UserOffline(Presence):
    """A user went offline.

    Attributes:
        user: who; `user.status` is `"offline"`, `user.last_active_at` the time the server gave.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class TransientMessage(_Signal):
    """Data that goes only to who is connected now, and is kept nowhere.

    Attributes:
        sender: who sent it.
        receiver: to whom: the `User`, or the `Group`.
        data: what they sent; any JSON value.
        raw: the whole frame. Neither shown nor compared.
    """

    sender: User
    receiver: User | Group
    data: Any = attrs.field(default=None, hash=False)


@attrs.frozen(kw_only=True)
class Reaction(_Signal):
    """Somebody reacts to a message, or no longer does: a `ReactionAdded` or a `ReactionRemoved`.

    Attributes:
        message_id: the message.
        reaction: the emoji.
        reacted_by: who.
        receiver: where the message went: the `User`, or the `Group`.
        reacted_at: when, UTC.
        id: the server's id of the reaction.
        conversation_id: the conversation, in CometChat's spelling; empty if not told.
        parent_message_id: the message that begins the thread, if the message is in one.
        raw: the whole frame. Neither shown nor compared.
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
    """`reacted_by` put a reaction on the message."""


@attrs.frozen(kw_only=True)
class ReactionRemoved(Reaction):
    """`reacted_by` took a reaction off the message."""


@attrs.frozen(kw_only=True)
class InteractionGoalCompleted(_Signal):
    """Somebody did all that an `InteractiveMessage` asked for.

    Attributes:
        sender: who.
        receiver: where the message went: the `User`, or the `Group`.
        interactions: what they used.
        message_id: the message.
        message_sender: the uid of who sent the message.
        raw: the whole frame. Neither shown nor compared.
    """

    sender: User
    receiver: User | Group
    interactions: tuple[Interaction, ...]
    message_id: int | None = None
    message_sender: str | None = None
