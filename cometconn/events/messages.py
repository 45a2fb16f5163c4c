"""Messages people and programs send, and what happens to a message afterwards."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Event, Group, User, with_lazy_raw

__all__ = [
    "AIAssistantMessage",
    "AIToolArgumentMessage",
    "AIToolResultMessage",
    "Attachment",
    "CustomMessage",
    "InteractiveMessage",
    "MediaMessage",
    "Message",
    "MessageDeleted",
    "MessageEdited",
    "MessageModerated",
    "TextMessage",
]


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
        url: where the first file is; `None` in a message that was deleted since.
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
    """

    custom_data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    sub_type: str | None = None


@attrs.frozen(kw_only=True)
class InteractiveMessage(Message):
    """A form, a card or the like (`type` tells).

    Attributes:
        interactive_data: what to show.
        interaction_goal: what counts as done.
        allow_sender_interaction: whether the sender may use it too.
    """

    interactive_data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    interaction_goal: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    allow_sender_interaction: bool = False


@attrs.frozen(kw_only=True)
class AIAssistantMessage(Message):
    """An AI agent answered.

    Attributes:
        text: the answer.
        data: all the server said about it.
    """

    text: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class AIToolArgumentMessage(Message):
    """An AI agent is about to use a tool.

    Attributes:
        data: the arguments, as the server said them.
    """

    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class AIToolResultMessage(Message):
    """A tool that an AI agent used gave its result.

    Attributes:
        text: the result.
        data: all the server said about it.
    """

    text: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


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
