"""What happens to conversations, and to the feed of notifications."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Event, Group, User, with_lazy_raw
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
        conversation_id: its id, in CometChat's spelling.
        conversation_type: `"user"` or `"group"`.
        conversation_with: the other side: the `User`, or the `Group`.
        last_message: the newest message, if that is of a kind with a class.
        unread_message_count: messages that the logged-in user has not read.
        unread_mentions_count: those of them that mention the logged-in user.
        last_read_message_id: the newest message that the logged-in user has read.
        latest_message_id: the newest message.
        tags: the conversation's tags.
        pinned_at, pinned_by: when (UTC) it was pinned, and the uid by whom; `"app_system"` is CometChat itself.
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


@with_lazy_raw
@attrs.frozen(kw_only=True)
class ConversationMark(Event):
    """A conversation was pinned or unpinned. Each kind is a subclass.

    Attributes:
        conversation: the conversation.
        raw: the whole frame. Neither shown nor compared.
    """

    conversation: Conversation
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class ConversationPinned(ConversationMark):
    """A conversation was pinned.

    Attributes:
        conversation: the conversation.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class ConversationUnpinned(ConversationMark):
    """A conversation is no longer pinned.

    Attributes:
        conversation: the conversation.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class FeedItem:
    """One notification of a CometChat campaign.

    Attributes:
        id: the item's id: text, not the number of a message.
        category: what it is about, in the app's own words.
        content: what to show: a card, as JSON.
        sent_at, delivered_at, read_at: when (UTC) it was sent, delivered and read.
        metadata: the app's own data.
        tags: the item's tags.
        sender: the uid by whom; `"server"` is the app itself.
        receiver: the uid, or the guid, to whom.
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


@with_lazy_raw
@attrs.frozen(kw_only=True)
class FeedItemReceived(Event):
    """A notification came into the logged-in user's feed.

    Attributes:
        item: the notification.
        raw: the whole frame. Neither shown nor compared.
    """

    item: FeedItem
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)
