"""Conversations, and the feed of notifications."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Group, User, _ServerEvent
from .messages import Message

__all__ = [
    "Conversation",
    "ConversationMark",
    "ConversationPinned",
    "ConversationUnpinned",
    "FeedItem",
    "FeedItemReceived",
]


@attrs.frozen(kw_only=True)
class Conversation:
    """A conversation of the logged-in user, as far as the server described it.

    Attributes:
        conversation_id: its id, in CometChat's format.
        conversation_type: `"user"` or `"group"`.
        conversation_with: the other `User`, or the `Group`.
        last_message: the newest message, if there is a class for that kind of message.
        unread_message_count: the number of messages that the logged-in user has not read.
        unread_mentions_count: how many of them mention the logged-in user.
        last_read_message_id: the id of the newest message that the logged-in user has read.
        latest_message_id: the id of the newest message.
        tags: the conversation's tags.
        pinned_at, pinned_by: when (UTC) it was pinned, and the uid of the user who did; `"app_system"` is CometChat.
    """

    conversation_id: str = ""
    conversation_type: str | None = None
    conversation_with: User | Group | None = None
    last_message: Message | None = None
    unread_message_count: int = 0
    unread_mentions_count: int = 0
    last_read_message_id: int | None = None
    latest_message_id: int | None = None
    tags: tuple[str, ...] = ()
    pinned_at: datetime.datetime | None = None
    pinned_by: str | None = None


@attrs.frozen(kw_only=True)
class ConversationMark(_ServerEvent):
    """The base class of events that pin or unpin a conversation.

    Attributes:
        conversation: the conversation.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    conversation: Conversation


@attrs.frozen(kw_only=True)
class ConversationPinned(ConversationMark):
    """A conversation was pinned."""


@attrs.frozen(kw_only=True)
class ConversationUnpinned(ConversationMark):
    """A conversation is no longer pinned."""


@attrs.frozen(kw_only=True)
class FeedItem:
    """One notification of a CometChat campaign.

    Attributes:
        id: the notification's id: a text, unlike the id of a message.
        category: the category that the app gave it.
        content: the description of what to display: a card in JSON.
        sent_at, delivered_at, read_at: when (UTC) it was sent, delivered and read.
        metadata: the app's own data.
        tags: the notification's tags.
        sender: the sender's uid; `"server"` is the app itself.
        receiver: the receiver's uid or guid.
        receiver_type: `"user"` or `"group"`.
    """

    id: str = ""
    category: str = ""
    content: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    sent_at: datetime.datetime | None = None
    delivered_at: datetime.datetime | None = None
    read_at: datetime.datetime | None = None
    metadata: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    sender: str = "server"
    receiver: str = ""
    receiver_type: str = "user"


@attrs.frozen(kw_only=True)
class FeedItemReceived(_ServerEvent):
    """The logged-in user's feed received a notification.

    Attributes:
        item: the notification.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    item: FeedItem
