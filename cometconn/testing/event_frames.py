"""From an event back to the frame that makes it: what a server would have said."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from cometconn._wire.places import camel, places
from cometconn.errors import SettingsError
from cometconn.events import (
    AIAssistantEvent,
    Call,
    Group,
    GroupAction,
    GroupMemberJoined,
    GroupMemberLeft,
    InteractionGoalCompleted,
    Message,
    MessageDeleted,
    MessageEdited,
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
    UnknownEvent,
    UnreadableFrame,
    User,
    UserOffline,
    UserOnline,
)

if TYPE_CHECKING:
    from cometconn._wire.places import Place
    from cometconn.events import Event

__all__ = ["to_frame"]

Json: TypeAlias = dict[str, Any]

_APP: Final = "APP"
_IDS: Final = frozenset({"id", "message_id", "parent_message_id"})
"""Numbers that CometChat writes as text."""
_APART: Final = frozenset({"raw", "sender", "receiver", "message", "message_sender", "data", "reacted_by", "user"})
"""Attributes that are no plain value at a place of their own."""
_ACTIONS: Final[Mapping[type, tuple[str, str]]] = {
    MessagesDelivered: ("receipts", "delivered"),
    MessagesRead: ("receipts", "read"),
    MessagesDeliveredToAll: ("receipts", "deliveredToAll"),
    MessagesReadByAll: ("receipts", "readByAll"),
    TypingStarted: ("typing_indicator", "started"),
    TypingEnded: ("typing_indicator", "ended"),
    UserOnline: ("presence", "online"),
    UserOffline: ("presence", "offline"),
    ReactionAdded: ("reaction", "message_reaction_added"),
    ReactionRemoved: ("reaction", "message_reaction_removed"),
}


def to_frame(event: Event) -> dict[str, Any] | str:  # noqa: C901, PLR0911 - one line for each kind
    """Return the frame that a server would send for *event*: what a client that reads it makes equal to it.

    For the events of `cometconn.testing.strategies` that holds exactly. Of an event made by hand, what a frame
    cannot say is lost: a typing user's receiver is only an id, who joins a group did it themselves, and the `data` of an
    AI agent's message is the frame's whole `data`.

    Args:
        event: any event that a server sends. Its `raw` is not looked at, but for `UnknownEvent` and `UnreadableFrame`,
            which have nothing else.

    Returns:
        The frame, as JSON values; for an `UnreadableFrame` its text.

    Raises:
        SettingsError: no server sends this: it is a marker of the client's own, or a binary frame.
    """
    match event:
        case UnreadableFrame(raw=str() as text):
            return text
        case UnknownEvent():
            return copy.deepcopy(dict(event.raw))
        case Message():
            return _envelope("message", event.sender, event.receiver, _message(event))
        case MessageEdited() | MessageDeleted():
            return _envelope("message", event.by, event.message.receiver, _change(event))
        case MessageModerated():
            body = _message(event.message)
            if event.status is not None:
                _put(body, ("data", "moderation", "status"), event.status)
            return _envelope("on_moderation_status_changed", event.message.sender, event.message.receiver, body)
        case Receipt() | InteractionGoalCompleted():
            frame = _envelope(_kind(event), event.sender, event.receiver, _signal(event, event.sender))
            return frame if event.message_sender is None else {**frame, "messageSender": event.message_sender}
        case Typing() | TransientMessage():
            return _envelope(_kind(event), event.sender, event.receiver, _signal(event, event.sender))
        case Reaction():
            body = {**_signal(event, None), "uid": event.reacted_by.uid, "reactedBy": _plain(event.reacted_by)}
            return _envelope("reaction", event.reacted_by, event.receiver, body)
        case UserOnline() | UserOffline():
            return _envelope("presence", event.user, None, _signal(event, event.user))
        case AIAssistantEvent():
            return _envelope("streamed_message", None, None, {**_signal(event, None), "data": _plain(event.data)})
        case _:
            message = f"No server sends a {type(event).__name__} that is {event!r}."
            raise SettingsError(message)


def _kind(event: Event) -> str:
    if isinstance(event, InteractionGoalCompleted):
        return "interaction_completed"
    return _ACTIONS.get(type(event), ("transient_message", ""))[0]


def _envelope(kind: str, sender: User | None, receiver: User | Group | None, body: Json) -> Json:
    return {
        "appId": _APP,
        "type": kind,
        "deviceId": "elsewhere",
        "sender": "" if sender is None else sender.uid,
        **({} if receiver is None else {"receiver": receiver.id, "receiverType": receiver.receiver_type}),
        "body": body,
    }


def _signal(event: Any, user: User | None) -> Json:
    body: Json = {} if user is None else {"user": _plain(user)}
    if type(event) in _ACTIONS:
        body["action"] = _ACTIONS[type(event)][1]
    if isinstance(event, TransientMessage):
        body["data"] = _plain(event.data)
    _fill(body, event)
    return body


def _message(event: Message) -> Json:
    """Make the body of a message; the body of one that is quoted, edited or moderated looks the same."""
    data = getattr(event, "data", {})  # an AI agent's message has all of it
    body: Json = {"sender": event.sender.uid, "receiver": event.receiver.id, "data": copy.deepcopy(dict(data))}
    body["receiverType"] = event.receiver.receiver_type
    acts = isinstance(event, GroupAction | Call)
    _entity(body, "by" if acts else "sender", event.sender)
    _entity(body, "for" if acts else "receiver", event.receiver)
    if isinstance(event, GroupAction) and not isinstance(event, GroupMemberJoined | GroupMemberLeft):
        _entity(body, "on", event.user)
    if isinstance(event, Call):
        _put(body, ("data", "entities", "on", "entityType"), "call")
    _fill(body, event)
    return body


def _change(event: MessageEdited | MessageDeleted) -> Json:
    action = "edited" if isinstance(event, MessageEdited) else "deleted"
    body: Json = {"category": "action", "type": "message", "sender": event.by.uid, "data": {"action": action}}
    _entity(body, "by", event.by)
    _entity(body, "for", event.message.receiver)
    _put(body, ("data", "entities", "on"), {"entityType": "message", "entity": _message(event.message)})
    _fill(body, event)
    return body


def _entity(body: Json, role: str, who: User | Group) -> None:
    _put(body, ("data", "entities", role), {"entityType": who.receiver_type, "entity": _plain(who)})


def _fill(body: Json, event: Any) -> None:
    """Put every attribute that is not there yet at its place."""
    for name, place in places(type(event)).items():
        value = getattr(event, name)
        if name not in _APART and value is not None:
            _put(body, place, str(value) if name in _IDS else _plain(value))


def _put(body: Json, place: Place, value: object) -> None:
    *way, last = place
    for key in way:
        body = body.setdefault(key, {})
    body[last] = value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    if isinstance(value, Message):
        return _message(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
        return {camel(name): _plain(item) for name, item in fields.items() if item is not None}
    return value
