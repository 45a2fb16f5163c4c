"""Where each attribute of an event stands in the JSON. Data only.

The rule: an attribute `sent_at` is the key `sentAt` of the body. The tables hold what is
elsewhere or has another name.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from cometconn import events

__all__ = ["Place", "camel", "place_of", "places"]

Place: TypeAlias = tuple[str, ...]
"""The way through nested objects, outermost key first."""

_ENTITIES: Place = ("data", "entities")
_BY: Place = (*_ENTITIES, "by", "entity")
_ON: Place = (*_ENTITIES, "on", "entity")
_FOR: Place = (*_ENTITIES, "for", "entity")

_MESSAGE: Mapping[str, Place] = {
    "parent_message_id": ("parentId",),
    "metadata": ("data", "metadata"),
    "mentions": ("data", "mentions"),
}
_GROUP_ACTION: Mapping[str, Place] = {
    **_MESSAGE,
    "action": ("data", "action"),
    "user": _ON,
    "by": _BY,
    "group": _FOR,
}
# Who joins or leaves does it themselves: there is no "on".
_OWN_ACTION: Mapping[str, Place] = {**_GROUP_ACTION, "user": _BY}
_CALL: Mapping[str, Place] = {
    **_MESSAGE,
    "session_id": (*_ON, "sessionid"),
    "status": (*_ON, "status"),
    "initiator": (*_ON, *_ENTITIES, "sender", "entity"),
    "initiated_at": (*_ON, "initiatedAt"),
    "joined_at": (*_ON, "joinedAt"),
}
_TEXT: Mapping[str, Place] = {**_MESSAGE, "text": ("data", "text")}
_CHANGE: Mapping[str, Place] = {"by": _BY, "message": _ON}

_PLACES: Mapping[type, Mapping[str, Place]] = {
    events.TextMessage: _TEXT,
    events.MediaMessage: {
        **_MESSAGE,
        "url": ("data", "url"),
        "attachments": ("data", "attachments"),
        "caption": ("data", "text"),
    },
    events.CustomMessage: {**_MESSAGE, "custom_data": ("data", "customData"), "sub_type": ("data", "subType")},
    events.InteractiveMessage: {
        **_MESSAGE,
        "interactive_data": ("data", "interactiveData"),
        "interaction_goal": ("data", "interactionGoal"),
        "allow_sender_interaction": ("data", "allowSenderInteraction"),
    },
    events.AIAssistantMessage: _TEXT,
    events.AIToolArgumentMessage: _MESSAGE,
    events.AIToolResultMessage: _TEXT,
    events.MessageEdited: _CHANGE,
    events.MessageDeleted: _CHANGE,
    events.MessageModerated: {"message": (), "status": ("data", "moderation", "status")},
    events.GroupMemberJoined: _OWN_ACTION,
    events.GroupMemberLeft: _OWN_ACTION,
    events.GroupMemberKicked: _GROUP_ACTION,
    events.GroupMemberBanned: _GROUP_ACTION,
    events.GroupMemberUnbanned: _GROUP_ACTION,
    events.GroupMemberAdded: _GROUP_ACTION,
    events.GroupMemberScopeChanged: {
        **_GROUP_ACTION,
        "new_scope": ("data", "extras", "scope", "new"),
        "old_scope": ("data", "extras", "scope", "old"),
    },
    events.IncomingCall: _CALL,
    events.OutgoingCallAccepted: _CALL,
    events.OutgoingCallRejected: _CALL,
    events.IncomingCallCancelled: _CALL,
    events.CallEnded: _CALL,
    events.ReactionAdded: {"parent_message_id": ("parentId",)},
    events.ReactionRemoved: {"parent_message_id": ("parentId",)},
}

_of_kind: dict[type[Any], Mapping[str, Place]] = {}


@functools.cache
def camel(name: str) -> str:
    """Return an attribute's name as the wire spells it: `last_active_at` is `lastActiveAt`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def place_of(kind: type[Any], name: str) -> Place:
    """Return where attribute *name* of class *kind* stands in the body."""
    return _PLACES.get(kind, {}).get(name) or (camel(name),)


def places(kind: type[Any]) -> Mapping[str, Place]:
    """Return each attribute of class *kind* with its place in the body."""
    if kind not in _of_kind:
        _of_kind[kind] = {field.name: place_of(kind, field.name) for field in attrs.fields(kind)}
    return _of_kind[kind]
