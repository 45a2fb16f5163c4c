"""What the server says on the socket, read fast: the frames that come often, straight into the event classes.

Everything else (rare kinds; unreadable, unknown and odd frames; echoes; answers) is left to
the reference, `codec`, which decides. A differential test holds the two equal.

What makes it fast: msgspec decodes the text into `shapes`, in C; `opened` fills events without
the `__init__` of a frozen class; and `raw` is parsed only when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from cometconn import events
from cometconn._nesting import is_too_deep
from cometconn.events import Event, Group, Message, User

from . import codec
from .codec import Decoded
from .filling import attachment, fill_message
from .opened import OddError, moment, number, opened, seal
from .people import inside, sender_and_receiver, user, user_of
from .shapes import (
    ABSENT,
    Body,
    Frame,
    MessageFrame,
    PresenceFrame,
    ReactionFrame,
    ReceiptFrame,
    StepFrame,
    TransientFrame,
    TypingFrame,
    loose,
)

__all__ = ["decode"]

_anything = msgspec.json.Decoder().decode
_frame: Callable[[str], Frame] = msgspec.json.Decoder(Frame).decode
_loose_frame: Callable[[str], Frame] = msgspec.json.Decoder(loose(Frame)).decode

_Made: TypeAlias = tuple[Any, type[Event]]
"""An open event, and what it is to be when it has its `raw`."""


def decode(text: str | bytes, *, own_uid: str | None, session_id: str | None) -> Decoded:
    """Return what one frame says: the same as `codec.decode`, and as surely."""
    try:
        if not isinstance(text, str):
            raise OddError
        raw = None
        try:
            frame = _frame(text)
        except msgspec.ValidationError as error:
            frame, raw = _with_unknown_keys(text, error)
        event, kind = _READERS[type(frame)](frame, session_id)
    except Exception:  # noqa: BLE001 - whatever is odd about it, the reference decides, and never raises
        return codec.decode(text, own_uid=own_uid, session_id=session_id)
    if raw is None:
        event._text = text  # noqa: SLF001 - see `events.base`
    else:
        event.raw = raw
    event.__class__ = kind
    decoded: Event = event
    return decoded


def _with_unknown_keys(text: str, error: msgspec.ValidationError) -> tuple[Frame, Any]:
    """Read a frame with a key that is not known, if that is the *error*. All of it is parsed: see `shapes`."""
    if "unknown field" not in str(error):
        raise error
    raw = _anything(text)
    if is_too_deep(raw, text):
        raise OddError
    return _loose_frame(text), raw


# Messages, by category.


def _read_message(frame: MessageFrame, session_id: str | None) -> _Made:
    if frame.device_id == session_id:
        raise OddError  # an echo, most likely
    body = frame.body
    return _CATEGORIES[body.category](body)


def _text_or_media(body: Body) -> _Made:
    data = body.data
    if data.entities.on is not None:  # which nobody would look at
        raise OddError
    if body.type == "text":
        made = _OpenText()
        fill_message(made, body)
        made.text = data.text or ""
        return made, events.TextMessage
    made = _OpenMedia()
    fill_message(made, body)
    made.url = data.url
    made.attachments = tuple(map(attachment, data.attachments or ()))
    made.caption = data.text
    return made, events.MediaMessage


def _custom(body: Body) -> _Made:
    if body.data.entities.on is not None:
        raise OddError
    made = _OpenCustom()
    fill_message(made, body)
    made.custom_data = body.data.custom_data or {}
    made.sub_type = body.data.sub_type
    return made, events.CustomMessage


def _interactive(body: Body) -> _Made:
    if body.data.entities.on is not None:
        raise OddError
    made = _OpenInteractive()
    fill_message(made, body)
    made.interactive_data = body.data.interactive_data or {}
    made.interaction_goal = body.data.interaction_goal or {}
    made.allow_sender_interaction = body.data.allow_sender_interaction or False
    return made, events.InteractiveMessage


# Actions: what is done to members of groups, and to messages.


def _action(body: Body) -> _Made:
    action = body.data.action or ""
    if action in _CHANGES:
        return _change(body, *_CHANGES[action])
    if action not in _GROUP_ACTIONS:
        raise OddError
    return _group_action(body, *_GROUP_ACTIONS[action])


def _group_action(body: Body, open_kind: type[Any], kind: type[events.GroupAction]) -> _Made:
    data = body.data
    entities = data.entities
    made = open_kind()
    fill_message(made, body)
    if not isinstance(made.receiver, Group) or entities.by is ABSENT:
        raise OddError
    made.action = data.action
    made.by = made.sender
    made.group = made.receiver
    if kind in _OWN_ACTIONS:
        if entities.on is not None:
            raise OddError
        made.user = made.by
    elif entities.on is not None:
        made.user = user_of(entities.on.entity)
    else:
        raise OddError
    if kind is events.GroupMemberScopeChanged:
        scope = data.extras and data.extras.scope
        made.new_scope = scope and scope.new
        made.old_scope = scope and scope.old
    return made, kind


def _change(body: Body, open_kind: type[Any], kind: type[events.MessageEdited | events.MessageDeleted]) -> _Made:
    on = body.data.entities.on
    if on is None:
        raise OddError
    inner, raw = inside(on.entity, _body, _loose_body)
    message, message_kind = _CATEGORIES[inner.category](inner)
    if not issubclass(message_kind, Message):
        raise OddError
    made = open_kind()
    made.by, _ = sender_and_receiver(body)
    made.id = number(body.id)
    if raw is None:
        message._text = bytes(on.entity)  # noqa: SLF001 - as above
    else:
        message.raw = raw
    made.message = seal(message, message_kind)
    return made, kind


# Signals.


def _addressee(frame: ReceiptFrame | TypingFrame | TransientFrame | ReactionFrame) -> User | Group:
    if not frame.receiver:
        raise OddError
    return (Group if frame.receiver_type == Group.receiver_type else User)(frame.receiver)


def _read_receipt(frame: ReceiptFrame, _: str | None) -> _Made:
    body = frame.body
    made, kind = _open_one_of(_RECEIPTS, body.action)
    made.message_id = number(body.message_id)
    made.sender = user_of(body.user)
    made.receiver = _addressee(frame)
    made.message_sender = frame.message_sender
    made.timestamp = moment(body.timestamp)
    return made, kind


def _read_typing(frame: TypingFrame, _: str | None) -> _Made:
    body = frame.body
    made, kind = _open_one_of(_TYPINGS, body.action)
    made.sender = user_of(body.user)
    made.receiver = _addressee(frame)
    made.metadata = body.metadata or {}
    return made, kind


def _read_presence(frame: PresenceFrame, _: str | None) -> _Made:
    body = frame.body
    made, kind = _open_one_of(_PRESENCES, body.action)
    moment(body.user.last_active_at)  # must be a time although another counts
    body.user.status = "online" if kind is events.UserOnline else "offline"
    body.user.last_active_at = body.timestamp or body.user.last_active_at
    made.user = user(body.user)
    return made, kind


def _read_transient(frame: TransientFrame, _: str | None) -> _Made:
    made = _OpenTransient()
    made.sender = user_of(frame.body.user)
    made.receiver = _addressee(frame)
    made.data = frame.body.data
    return made, events.TransientMessage


def _read_reaction(frame: ReactionFrame, _: str | None) -> _Made:
    body = frame.body
    made, kind = _open_one_of(_REACTIONS, body.action)
    made.message_id = number(body.message_id)
    made.reaction = body.reaction
    made.reacted_by = user_of(body.reacted_by)
    made.receiver = _addressee(frame)
    made.reacted_at = moment(body.reacted_at)
    made.id = body.id
    made.conversation_id = body.conversation_id or ""
    made.parent_message_id = None if body.parent_id is None else number(body.parent_id)
    return made, kind


def _read_step(frame: StepFrame, _: str | None) -> _Made:
    body = frame.body
    made = _OpenStep()
    made.type = body.type
    made.conversation_id = body.conversation_id or ""
    made.data = body.data or {}
    return made, events.AIAssistantEvent


def _open_one_of(choice: Mapping[str, tuple[type[Any], type[Event]]], action: str) -> _Made:
    if action not in choice:
        raise OddError
    open_kind, kind = choice[action]
    return open_kind(), kind


def _choice(**kinds: type[Any]) -> dict[str, tuple[type[Any], type[Any]]]:
    return {word: (opened(kind), kind) for word, kind in kinds.items()}


_OpenText, _OpenMedia = opened(events.TextMessage), opened(events.MediaMessage)
_OpenCustom, _OpenInteractive = opened(events.CustomMessage), opened(events.InteractiveMessage)
_OpenTransient, _OpenStep = opened(events.TransientMessage), opened(events.AIAssistantEvent)

_CATEGORIES: Mapping[str, Callable[[Body], _Made]] = {
    "message": _text_or_media,
    "custom": _custom,
    "interactive": _interactive,
    "action": _action,
}
_CHANGES = _choice(edited=events.MessageEdited, deleted=events.MessageDeleted)
_GROUP_ACTIONS = _choice(
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
_RECEIPTS = _choice(
    delivered=events.MessagesDelivered,
    read=events.MessagesRead,
    deliveredToAll=events.MessagesDeliveredToAll,
    readByAll=events.MessagesReadByAll,
)
_TYPINGS = _choice(started=events.TypingStarted, ended=events.TypingEnded)
_PRESENCES = _choice(online=events.UserOnline, available=events.UserOnline, offline=events.UserOffline)
_REACTIONS = _choice(message_reaction_added=events.ReactionAdded, message_reaction_removed=events.ReactionRemoved)

_READERS: Mapping[type[Any], Callable[[Any, str | None], _Made]] = {
    MessageFrame: _read_message,
    ReceiptFrame: _read_receipt,
    TypingFrame: _read_typing,
    PresenceFrame: _read_presence,
    TransientFrame: _read_transient,
    ReactionFrame: _read_reaction,
    StepFrame: _read_step,
}

_body: Callable[[Any], Body] = msgspec.json.Decoder(Body).decode
_loose_body: Callable[[Any], Body] = msgspec.json.Decoder(loose(Body)).decode
_READERS = {kind: reader for strict, reader in _READERS.items() for kind in (strict, *strict.__subclasses__())}
