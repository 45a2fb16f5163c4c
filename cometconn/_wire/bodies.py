"""Message bodies: what `type: "message"` frames hold, and REST returns. Tables by category, type and action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

from cometconn.events import (
    AIAssistantMessage,
    AIToolArgumentMessage,
    AIToolResultMessage,
    Call,
    CallEnded,
    CustomMessage,
    Event,
    Group,
    GroupAction,
    GroupMemberAdded,
    GroupMemberBanned,
    GroupMemberJoined,
    GroupMemberKicked,
    GroupMemberLeft,
    GroupMemberScopeChanged,
    GroupMemberUnbanned,
    IncomingCall,
    IncomingCallCancelled,
    InteractiveMessage,
    MediaMessage,
    Message,
    MessageDeleted,
    MessageEdited,
    OutgoingCallAccepted,
    OutgoingCallRejected,
    TextMessage,
    User,
)

from .converter import missing, wrong
from .places import Place, place_of
from .source import Choice, Reader, Source

__all__ = ["message_inside", "read_body"]

M = TypeVar("M", bound=Message)

_QUOTED: Place = ("quotedMessage",)
_CALLER: Place = ("data", "entities", "on", "entity", "sender")

_Kinds: TypeAlias = tuple[type[Call] | None, type[Call] | None]

_CALLS: Mapping[str, _Kinds] = {
    # status: what it is to who began the call, and to everybody else
    "initiated": (IncomingCall, IncomingCall),
    "ongoing": (OutgoingCallAccepted, OutgoingCallAccepted),
    "rejected": (OutgoingCallRejected, OutgoingCallRejected),
    "busy": (OutgoingCallRejected, OutgoingCallRejected),
    "cancelled": (IncomingCallCancelled, IncomingCallCancelled),
    "unanswered": (OutgoingCallRejected, IncomingCallCancelled),
    "ended": (CallEnded, CallEnded),
}
_GROUP_CALLS: Mapping[str, _Kinds] = {
    # A group hears everything; CometChat's clients tell each member only what is theirs to know.
    **_CALLS,
    "initiated": (None, IncomingCall),
    "ongoing": (OutgoingCallAccepted, None),
    "rejected": (OutgoingCallRejected, None),
    "busy": (OutgoingCallRejected, None),
}


def read_body(source: Source) -> Event | None:
    """Return the event of a message body; `None` if there is no class for it."""
    return _BY_CATEGORY(source)


def message_inside(source: Source, place: Place) -> Message | None:
    """Return the whole message at *place*; `None` if there is no class for it."""
    inner = source.inside(place)
    message = read_body(inner)
    if message is not None and not isinstance(message, Message):
        raise wrong(Message, message, inner.path)
    return message


def _message(kind: type[Message]) -> Reader:
    def read(source: Source) -> Message:
        return _make(source, kind, source.receiver())

    return read


def _make(source: Source, kind: type[M], receiver: User | Group, **made: object) -> M:
    return source.make(kind, sender=source.sender(), receiver=receiver, quoted_message=_quoted(source), **made)


def _quoted(source: Source) -> Message | None:
    return None if source.find(_QUOTED) is None else message_inside(source, _QUOTED)


def _change(kind: type[MessageEdited | MessageDeleted]) -> Reader:
    def read(source: Source) -> Event | None:
        message = message_inside(source, place_of(kind, "message"))
        return None if message is None else source.make(kind, message=message, by=source.sender())

    return read


def _group_action(kind: type[GroupAction]) -> Reader:
    def read(source: Source) -> GroupAction:
        receiver = source.receiver()
        group = {"group": receiver} if isinstance(receiver, Group) else {}
        return _make(source, kind, receiver, **group)

    return read


def _read_call(source: Source) -> Call | None:
    receiver = source.receiver()
    initiator = _initiator(source)
    mine = initiator is not None and initiator.uid == source.own_uid
    table = _GROUP_CALLS if isinstance(receiver, Group) else _CALLS
    status = source.text(place_of(IncomingCall, "status"))
    if status is None:
        raise missing((*source.path, *place_of(IncomingCall, "status")))
    for_mine, for_others = table.get(status, (None, None))
    kind = for_mine if mine else for_others
    if kind is None:
        return None
    return _make(source, kind, receiver, initiator=initiator)


def _initiator(source: Source) -> User | None:
    place = place_of(IncomingCall, "initiator")
    if source.find(place) is not None:
        return source.person(place)
    uid = source.text(_CALLER)
    return User(uid) if uid else None


_BY_CATEGORY = Choice(
    ("category",),
    {
        # Without a type, or with one not known, CometChat's clients take a message for media.
        "message": Choice(("type",), {"text": _message(TextMessage)}, _message(MediaMessage)),
        "custom": _message(CustomMessage),
        "interactive": _message(InteractiveMessage),
        "agentic": Choice(
            ("type",),
            {
                "assistant": _message(AIAssistantMessage),
                "tool_arguments": _message(AIToolArgumentMessage),
                "tool_result": _message(AIToolResultMessage),
            },
        ),
        "action": Choice(
            ("data", "action"),
            {
                "edited": _change(MessageEdited),
                "deleted": _change(MessageDeleted),
                "joined": _group_action(GroupMemberJoined),
                "invited": _group_action(GroupMemberJoined),
                "left": _group_action(GroupMemberLeft),
                "kicked": _group_action(GroupMemberKicked),
                "banned": _group_action(GroupMemberBanned),
                "unbanned": _group_action(GroupMemberUnbanned),
                "added": _group_action(GroupMemberAdded),
                "scopeChanged": _group_action(GroupMemberScopeChanged),
            },
        ),
        "call": _read_call,
    },
)
