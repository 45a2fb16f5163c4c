"""Messages people and programs send, and what happens to a message afterwards."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Event, Group, User, with_lazy_raw

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
    """How many users put one reaction on a message.

    Attributes:
        reaction: the emoji.
        count: how many did.
        reacted_by_me: whether the logged-in user is one of them.
    """

    reaction: str
    count: int = 0
    reacted_by_me: bool = False


@with_lazy_raw
@attrs.frozen(kw_only=True)
class Message(Event):
    """What every message has. Each kind is a subclass; so are calls and group actions.

    An edit or a deletion is not a `Message` but an event of its own, which holds the message.

    Attributes:
        id: the server's number of this message. Larger is later.
        sender: who sent it; of an action or a call, who acted.
        receiver: whom it went to: the `User`, or the `Group`.
        conversation_id: the conversation, in CometChat's spelling; empty if not told.
        sent_at: when the server took it, UTC. `None` only if the server left it out.
        category: CometChat's category (`"message"`, `"custom"`, `"call"`, ...).
        type: CometChat's type within the category (`"text"`, `"image"`, ...); empty if not told.
        muid: the id that the sending app gave it.
        parent_message_id: the message that begins the thread this one belongs to.
        metadata: the sending app's own data.
        tags: the message's tags.
        mentions: the users named in it.
        quoted_message: the message it quotes, if that is of a kind with a class.
        updated_at: when it last changed, UTC.
        edited_at, edited_by: when (UTC) it was last edited, and the uid by whom.
        deleted_at, deleted_by: when (UTC) it was deleted, and the uid by whom.
        delivered_at: when it was delivered, UTC.
        read_at: when it was read, UTC.
        delivered_to_me_at, read_by_me_at: when (UTC) the logged-in user received and read it.
        reactions: how many reactions of each kind it has.
        reply_count, unread_replies_count: replies in the thread that it begins, and those not read yet.
        quoted_message_id: the id of the message it quotes.
        has_mentioned_me: whether the logged-in user is among the `mentions`.
        pinned_at, pinned_by: when (UTC) it was pinned, and the uid by whom; `"app_system"` is CometChat itself.
        saved_at: when (UTC) the logged-in user saved it.
        thread_subscribed: whether the logged-in user follows its thread.
        moderation_status: what moderation says of it (`"pending"`, `"approved"`, `"disapproved"`, ...).
        raw: the mapping it was made from, with everything that has no attribute here: the
            whole frame; of a message inside another event, and of one fetched over REST, the
            message's own mapping. Neither shown nor compared.
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
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class TextMessage(Message):
    """Somebody wrote something.

    Attributes:
        text: what they wrote; empty in a message that was deleted since.
    """

    text: str = ""


@attrs.frozen(kw_only=True)
class Attachment:
    """One file of a `MediaMessage`.

    Attributes:
        url: where the file is.
        name: its name.
        extension: the name's ending, without the dot.
        mime_type: what it is.
        size: in bytes.
    """

    url: str | None = None
    name: str | None = None
    extension: str | None = None
    mime_type: str | None = None
    size: int | None = None


@attrs.frozen(kw_only=True)
class MediaMessage(Message):
    """An image, a video, a sound or a file (`type` tells).

    Attributes:
        url: where the file is, or the first attachment where the server names no other; `None` in a message that was
            deleted since.
        attachments: all files.
        caption: the text beside it.
    """

    url: str | None = None
    attachments: tuple[Attachment, ...] = ()
    caption: str | None = None


@attrs.frozen(kw_only=True)
class CustomMessage(Message):
    """A message whose content is the app's own affair; `type` is the app's, too.

    Attributes:
        custom_data: the content.
        sub_type: a finer type, if the app gave one.
        conversation_text: what a list of conversations shows for it, if the app gave that.
    """

    custom_data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    sub_type: str | None = None
    conversation_text: str | None = None


@attrs.frozen(kw_only=True)
class Interaction:
    """One element of an interactive message that was used.

    Attributes:
        element_id: which.
        interacted_at: when, UTC.
    """

    element_id: str
    interacted_at: datetime.datetime | None = None


@attrs.frozen(kw_only=True)
class InteractiveMessage(Message):
    """A form, a card or the like (`type` tells).

    Attributes:
        interactive_data: what to show.
        interaction_goal: what counts as done.
        allow_sender_interaction: whether the sender may use it too.
        interactions: the elements that were used.
    """

    interactive_data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    interaction_goal: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    allow_sender_interaction: bool = False
    interactions: tuple[Interaction, ...] = ()


@attrs.frozen(kw_only=True)
class CardMessage(Message):
    """A card: a small page that is described as JSON.

    Attributes:
        card: the description.
        text: the text beside it.
        fallback_text: what to show where cards cannot be drawn.
    """

    card: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    text: str = ""
    fallback_text: str | None = None


@with_lazy_raw
@attrs.frozen(kw_only=True)
class MessageEdited(Event):
    """A message was edited.

    Attributes:
        message: the message as it is now; `message.edited_at` and `edited_by` tell more.
        by: who edited it.
        id: the number of the edit itself, which is not `message.id`. Never two edits have the same.
        raw: the whole frame. Neither shown nor compared.
    """

    message: Message
    by: User
    id: int | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@with_lazy_raw
@attrs.frozen(kw_only=True)
class MessageDeleted(Event):
    """A message was deleted.

    Attributes:
        message: what is left of it; `message.deleted_at` and `deleted_by` tell more.
        by: who deleted it.
        id: the number of the deletion itself, which is not `message.id`.
        raw: the whole frame. Neither shown nor compared.
    """

    message: Message
    by: User
    id: int | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@with_lazy_raw
@attrs.frozen(kw_only=True)
class MessageModerated(Event):
    """Moderation came to a verdict about a message. Own messages have this, too.

    Attributes:
        message: the message as it is now.
        status: the verdict (`"approved"`, ...), if the server told.
        raw: the whole frame. Neither shown nor compared.
    """

    message: Message
    status: str | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@with_lazy_raw
@attrs.frozen(kw_only=True)
class MessageMark(Event):
    """A message was pinned, unpinned, saved or unsaved. Each kind is a subclass.

    Attributes:
        message: the message.
        raw: the whole frame. Neither shown nor compared.
    """

    message: Message
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class MessagePinned(MessageMark):
    """A message was pinned in its conversation, for everybody there.

    Attributes:
        message: the message; `message.pinned_at` and `pinned_by` tell more.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class MessageUnpinned(MessageMark):
    """A message is no longer pinned.

    Attributes:
        message: the message.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class MessageSaved(MessageMark):
    """The logged-in user saved a message, perhaps on another device.

    Attributes:
        message: the message; `message.saved_at` tells when.
        raw: the whole frame. Neither shown nor compared.
    """


@attrs.frozen(kw_only=True)
class MessageUnsaved(MessageMark):
    """The logged-in user no longer keeps a message that was saved.

    Attributes:
        message: the message.
        raw: the whole frame. Neither shown nor compared.
    """
