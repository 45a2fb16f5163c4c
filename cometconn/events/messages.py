"""Messages, and the events that change a message afterwards."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Group, User, _ServerEvent

__all__ = [
    "Attachment",
    "CardMessage",
    "CustomMessage",
    "Interaction",
    "InteractiveMessage",
    "MediaMessage",
    "Message",
    "MessageDeleted",
    "MessageEdited",
    "MessageMark",
    "MessageModerated",
    "MessagePinned",
    "MessageSaved",
    "MessageUnpinned",
    "MessageUnsaved",
    "ReactionCount",
    "TextMessage",
]


@attrs.frozen(kw_only=True)
class ReactionCount:
    """How many users reacted to a message with one emoji.

    Attributes:
        reaction: the emoji.
        count: the number of users.
        reacted_by_me: whether the logged-in user is one of them.
    """

    reaction: str
    count: int = 0
    reacted_by_me: bool = False


@attrs.frozen(kw_only=True)
class Message(_ServerEvent):
    """The base class of all messages, including calls and group actions.

    An edit or a deletion is not a `Message` but an event of its own, which contains the message.

    Attributes:
        id: the message's id, a number. A later message has a larger one.
        sender: the user who sent it; of an action or a call, the user who acted.
        receiver: the `User` or the `Group` that it was sent to.
        conversation_id: the conversation's id, in CometChat's format; empty if the server did not send it.
        sent_at: when the server received it, UTC. `None` only if the server did not send it.
        category: CometChat's category (`"message"`, `"custom"`, `"call"`, ...).
        type: CometChat's type within the category (`"text"`, `"image"`, ...); empty if the server did not send it.
        muid: the id that the sending app gave it.
        parent_message_id: the id of the message that begins its thread.
        metadata: the sending app's own data.
        tags: the message's tags.
        mentions: the users mentioned in it.
        quoted_message: the message that it quotes, if there is a class for that kind of message.
        updated_at: when it last changed, UTC.
        edited_at, edited_by: when (UTC) it was last edited, and the uid of the user who did.
        deleted_at, deleted_by: when (UTC) it was deleted, and the uid of the user who did.
        delivered_at: when it was delivered, UTC.
        read_at: when it was read, UTC.
        delivered_to_me_at, read_by_me_at: when (UTC) the logged-in user received and read it.
        reactions: the number of reactions with each emoji.
        reply_count, unread_replies_count: the number of replies in the thread that it begins, and of the unread ones.
        quoted_message_id: the id of the message that it quotes.
        has_mentioned_me: whether the logged-in user is among the `mentions`.
        pinned_at, pinned_by: when (UTC) it was pinned, and the uid of the user who did; `"app_system"` is CometChat.
        saved_at: when (UTC) the logged-in user saved it.
        thread_subscribed: whether the logged-in user follows its thread.
        moderation_status: the result of moderation (`"pending"`, `"approved"`, `"disapproved"`, ...).
        raw: the mapping that it was made from, including everything that has no attribute here: the whole frame; for a
            message inside another event, and for one fetched over REST, the message's own mapping. It is neither in
            the `repr` nor compared.
    """

    id: int
    sender: User
    receiver: User | Group
    conversation_id: str = ""
    sent_at: datetime.datetime | None = None
    category: str
    type: str = ""
    muid: str | None = None
    parent_message_id: int | None = None
    metadata: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    mentions: tuple[User, ...] = ()
    quoted_message: Message | None = None
    updated_at: datetime.datetime | None = None
    edited_at: datetime.datetime | None = None
    edited_by: str | None = None
    deleted_at: datetime.datetime | None = None
    deleted_by: str | None = None
    delivered_at: datetime.datetime | None = None
    read_at: datetime.datetime | None = None
    delivered_to_me_at: datetime.datetime | None = None
    read_by_me_at: datetime.datetime | None = None
    reactions: tuple[ReactionCount, ...] = ()
    reply_count: int = 0
    unread_replies_count: int = 0
    quoted_message_id: int | None = None
    has_mentioned_me: bool = False
    pinned_at: datetime.datetime | None = None
    pinned_by: str | None = None
    saved_at: datetime.datetime | None = None
    thread_subscribed: bool = False
    moderation_status: str | None = None


@attrs.frozen(kw_only=True)
class TextMessage(Message):
    """A text message.

    Attributes:
        text: the text; empty if the message was deleted.
    """

    text: str = ""


@attrs.frozen(kw_only=True)
class Attachment:
    """One file of a `MediaMessage`.

    Attributes:
        url: the file's URL.
        name: its name.
        extension: the extension of its name, without the dot.
        mime_type: its media type, such as `"image/png"`.
        size: its size in bytes.
    """

    url: str | None = None
    name: str | None = None
    extension: str | None = None
    mime_type: str | None = None
    size: int | None = None


@attrs.frozen(kw_only=True)
class MediaMessage(Message):
    """An image, a video, an audio recording or a file, according to `type`.

    Attributes:
        url: the file's URL, or that of the first attachment if the server sent no other; `None` if the message was
            deleted.
        attachments: all files.
        caption: the text that belongs to the files.
    """

    url: str | None = None
    attachments: tuple[Attachment, ...] = ()
    caption: str | None = None


@attrs.frozen(kw_only=True)
class CustomMessage(Message):
    """A message whose content and `type` are defined by the app.

    Attributes:
        custom_data: the content.
        sub_type: a more specific type, if the app set one.
        conversation_text: the text that a list of conversations shows for it, if the app set one.
    """

    custom_data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    sub_type: str | None = None
    conversation_text: str | None = None


@attrs.frozen(kw_only=True)
class Interaction:
    """The use of one element of an interactive message.

    Attributes:
        element_id: the element's id.
        interacted_at: when it was used, UTC.
    """

    element_id: str
    interacted_at: datetime.datetime | None = None


@attrs.frozen(kw_only=True)
class InteractiveMessage(Message):
    """A form, a card or another interactive message, according to `type`.

    Attributes:
        interactive_data: the description of what to display.
        interaction_goal: the interactions that complete it.
        allow_sender_interaction: whether the sender can use it, too.
        interactions: the elements that were used.
    """

    interactive_data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    interaction_goal: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    allow_sender_interaction: bool = False
    interactions: tuple[Interaction, ...] = ()


@attrs.frozen(kw_only=True)
class CardMessage(Message):
    """A card: a small page that is described in JSON.

    Attributes:
        card: the description.
        text: the text that belongs to the card.
        fallback_text: the text to display if cards cannot be displayed.
    """

    card: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    text: str = ""
    fallback_text: str | None = None


@attrs.frozen(kw_only=True)
class _MessageChange(_ServerEvent):
    """The attributes of an edit and of a deletion, which document them."""

    message: Message
    by: User
    id: int | None = None


@attrs.frozen(kw_only=True)
class MessageEdited(_MessageChange):
    """A message was edited.

    Attributes:
        message: the message after the edit, with `message.edited_at` and `message.edited_by`.
        by: the user who edited it.
        id: the id of the edit itself, which is not `message.id`. Every edit has another one.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """


@attrs.frozen(kw_only=True)
class MessageDeleted(_MessageChange):
    """A message was deleted.

    Attributes:
        message: what remains of the message, with `message.deleted_at` and `message.deleted_by`.
        by: the user who deleted it.
        id: the id of the deletion itself, which is not `message.id`.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """


@attrs.frozen(kw_only=True)
class MessageModerated(_ServerEvent):
    """Moderation decided about a message, which may be one of the logged-in user's own.

    Attributes:
        message: the message after the decision.
        status: the decision (`"approved"`, ...), if the server sent it.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    message: Message
    status: str | None = None


@attrs.frozen(kw_only=True)
class MessageMark(_ServerEvent):
    """The base class of events that pin, unpin, save or unsave a message.

    Attributes:
        message: the message.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    message: Message


@attrs.frozen(kw_only=True)
class MessagePinned(MessageMark):
    """A message was pinned in its conversation, for all its members: see `message.pinned_at` and `pinned_by`."""


@attrs.frozen(kw_only=True)
class MessageUnpinned(MessageMark):
    """A message is no longer pinned."""


@attrs.frozen(kw_only=True)
class MessageSaved(MessageMark):
    """The logged-in user saved a message, perhaps on another device: see `message.saved_at`."""


@attrs.frozen(kw_only=True)
class MessageUnsaved(MessageMark):
    """The logged-in user removed a message from the saved ones."""
