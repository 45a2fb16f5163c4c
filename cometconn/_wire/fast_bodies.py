"""Message bodies on the fast path: messages of people and programs, and what is done to them and to members of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from cometconn import events
from cometconn.events import Attachment, Event, Group, Message, User

from .opened import MOST_DIGITS, OddError, choice, moment, number, opened, seal
from .people import KnownPeople, actors, decoders, inside, receiver_of, sender_of, user
from .shapes import Body, File, Party

__all__ = ["BODY_READERS", "Made"]

Made: TypeAlias = tuple[Any, type[Event]]
"""An open event, and what it is to be when it has its `raw`."""

_NOBODY: tuple[User, ...] = ()
_NO_TAGS: tuple[str, ...] = ()
_BODY, _PARTY = decoders(Body), decoders(Party)


def _people(entities: msgspec.Raw, known: KnownPeople) -> tuple[User, User | Group]:
    """Return who sent a message, and to whom."""
    json = bytes(entities)
    return known.get(json) or known.remember(json)


def _attachment(file: File) -> Attachment:
    """Return *file* as an attachment."""
    made = _OpenAttachment()
    made.url = file.url
    made.name = file.name
    made.extension = file.extension
    made.mime_type = file.mime_type
    made.size = None if file.size is None else number(file.size)
    return seal(made, Attachment)


def _fill_message(made: Any, body: Body, sender: User, receiver: User | Group) -> None:
    """Set the attributes that every message has, but for `raw`."""
    data = body.data
    mentions = data.mentions
    made.id = number(body.id)
    made.sender = sender
    made.receiver = receiver
    made.conversation_id = body.conversation_id or ""
    made.sent_at = moment(body.sent_at)
    made.category = body.category
    made.type = body.type or ""
    made.muid = body.muid
    made.parent_message_id = None if body.parent_id is None else number(body.parent_id)
    made.metadata = data.metadata or {}
    made.tags = body.tags or _NO_TAGS
    made.mentions = tuple(map(user, mentions.values())) if mentions else _NOBODY
    made.quoted_message = None
    made.updated_at = moment(body.updated_at)
    made.edited_at = moment(body.edited_at) if body.edited_at else None
    made.edited_by = body.edited_by
    made.deleted_at = moment(body.deleted_at) if body.deleted_at else None
    made.deleted_by = body.deleted_by
    made.delivered_at = moment(body.delivered_at) if body.delivered_at else None
    made.read_at = moment(body.read_at) if body.read_at else None


def _text_or_media(body: Body, known: KnownPeople) -> Made:
    """Return a text message; `_media()` has the others.

    `_people()`, `_fill_message()` and `number()` once more, in one: of all that a room says nearly everything is
    text, and here calls, and questions that have been answered, are a third of what an event costs.
    """
    if body.type != "text":
        return _media(body, known)
    data, json = body.data, bytes(body.data.entities)
    made = _OpenText()
    made.sender, made.receiver = known.get(json) or known.remember(json)
    written = body.id
    if isinstance(written, str) and len(written) <= MOST_DIGITS and written.isascii() and written.isdigit():
        made.id = int(written)
    else:
        made.id = number(written)
    made.conversation_id = body.conversation_id or ""
    made.sent_at = moment(body.sent_at)
    made.category = "message"
    made.type = "text"
    made.muid = body.muid
    made.parent_message_id = None if body.parent_id is None else number(body.parent_id)
    made.metadata = data.metadata or {}
    made.tags = body.tags or _NO_TAGS
    made.mentions = tuple(map(user, data.mentions.values())) if data.mentions else _NOBODY
    made.quoted_message = None
    made.updated_at = made.sent_at if body.updated_at == body.sent_at else moment(body.updated_at)
    made.edited_at = moment(body.edited_at) if body.edited_at else None
    made.edited_by = body.edited_by
    made.deleted_at = moment(body.deleted_at) if body.deleted_at else None
    made.deleted_by = body.deleted_by
    made.delivered_at = moment(body.delivered_at) if body.delivered_at else None
    made.read_at = moment(body.read_at) if body.read_at else None
    made.text = data.text or ""
    return made, events.TextMessage


def _media(body: Body, known: KnownPeople) -> Made:
    data = body.data
    made = _OpenMedia()
    _fill_message(made, body, *_people(data.entities, known))
    made.url = data.url
    made.attachments = tuple(map(_attachment, data.attachments or ()))
    made.caption = data.text
    return made, events.MediaMessage


def _custom(body: Body, known: KnownPeople) -> Made:
    made = _OpenCustom()
    _fill_message(made, body, *_people(body.data.entities, known))
    made.custom_data = body.data.custom_data or {}
    made.sub_type = body.data.sub_type
    return made, events.CustomMessage


def _interactive(body: Body, known: KnownPeople) -> Made:
    made = _OpenInteractive()
    _fill_message(made, body, *_people(body.data.entities, known))
    made.interactive_data = body.data.interactive_data or {}
    made.interaction_goal = body.data.interaction_goal or {}
    made.allow_sender_interaction = body.data.allow_sender_interaction or False
    return made, events.InteractiveMessage


# Actions: what is done to members of groups, and to messages.


def _action(body: Body, known: KnownPeople) -> Made:
    action = body.data.action or ""
    if action in _CHANGES:
        return _change(body, known, *_CHANGES[action])
    if action not in _GROUP_ACTIONS:
        raise OddError
    return _group_action(body, *_GROUP_ACTIONS[action])


def _group_action(body: Body, open_kind: type[Any], kind: type[events.GroupAction]) -> Made:
    data = body.data
    entities = actors(data.entities)
    made = open_kind()
    _fill_message(made, body, sender_of(entities), receiver_of(entities))
    if not isinstance(made.receiver, Group) or entities.by is None:
        raise OddError
    made.action = data.action
    made.by = user(entities.by.entity)
    made.group = made.receiver
    if kind in _OWN_ACTIONS:
        if entities.on is not None:
            raise OddError
        made.user = made.by
    elif entities.on is not None:
        made.user = user(inside(entities.on.entity, *_PARTY)[0])
    else:
        raise OddError
    if kind is events.GroupMemberScopeChanged:
        scope = data.extras and data.extras.scope
        made.new_scope = scope and scope.new
        made.old_scope = scope and scope.old
    return made, kind


def _change(
    body: Body, known: KnownPeople, open_kind: type[Any], kind: type[events.MessageEdited | events.MessageDeleted]
) -> Made:
    entities = actors(body.data.entities)
    on = entities.on
    if on is None:
        raise OddError
    inner, raw = inside(on.entity, *_BODY)
    message, message_kind = BODY_READERS[inner.category](inner, known)
    if not issubclass(message_kind, Message):
        raise OddError
    made = open_kind()
    made.by = sender_of(entities)
    made.id = number(body.id)
    if raw is None:
        message._text = bytes(on.entity)  # noqa: SLF001 - see `events.base`
    else:
        message.raw = raw
    made.message = seal(message, message_kind)
    return made, kind


_OpenAttachment = opened(Attachment)
_OpenText, _OpenMedia = opened(events.TextMessage), opened(events.MediaMessage)
_OpenCustom, _OpenInteractive = opened(events.CustomMessage), opened(events.InteractiveMessage)
BODY_READERS: Mapping[str, Callable[[Body, KnownPeople], Made]] = {
    "message": _text_or_media,
    "custom": _custom,
    "interactive": _interactive,
    "action": _action,
}
"""For each category, what returns the event of such a body, still open and without its `raw`."""
_CHANGES = choice(edited=events.MessageEdited, deleted=events.MessageDeleted)
_GROUP_ACTIONS = choice(
    joined=events.GroupMemberJoined,
    invited=events.GroupMemberJoined,
    left=events.GroupMemberLeft,
    kicked=events.GroupMemberKicked,
    banned=events.GroupMemberBanned,
    unbanned=events.GroupMemberUnbanned,
    added=events.GroupMemberAdded,
    scopeChanged=events.GroupMemberScopeChanged,
)
_OWN_ACTIONS = {events.GroupMemberJoined, events.GroupMemberLeft}
