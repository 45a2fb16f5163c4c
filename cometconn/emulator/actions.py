"""Action messages: what somebody did to a message or to a group, told to everybody concerned."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from . import realtime

if TYPE_CHECKING:
    from .jsontext import Json
    from .people import Group
    from .world import World

__all__ = ["group_action", "message_action"]

_SYSTEM = "app_system"
"""Who sends what happened to a group."""


def _user_entity(world: World, uid: str) -> Json:
    """Wrap a user for `data.entities`."""
    return {"entityType": "user", "entity": world.public(uid)}


def message_action(world: World, action: str, message: Json, *, by: str, device_id: str) -> Json:
    """Tell that a message was edited or deleted; give the action message, as REST answers with it."""
    receiver, is_group = message["receiver"], message["receiverType"] == "group"
    body = {
        "conversationId": message["conversationId"],
        "sender": by,
        "receiverType": message["receiverType"],
        "receiver": receiver,
        "category": "action",
        "type": "message",
        "data": {
            "action": action,
            "entities": {
                "by": _user_entity(world, by),
                "for": _group_entity(world.groups[receiver]) if is_group else _user_entity(world, receiver),
                "on": {"entityType": "message", "entity": copy.deepcopy(message)},
            },
        },
    }
    return _tell(world, body, {*world.concerned(message), by}, device_id)


def group_action(
    world: World, action: str, group: Group, *, by: str, on: str | None = None, device_id: str = "", **data: Any
) -> Json:
    """Tell the members, and whom it concerns, what happened in a group; give the action message."""
    entities: Json = {"by": _user_entity(world, by), "for": _group_entity(group)}
    if on is not None:
        entities["on"] = _user_entity(world, on)
    body = {
        "conversationId": f"group_{group.guid}",
        "sender": _SYSTEM,
        "receiverType": "group",
        "receiver": group.guid,
        "category": "action",
        "type": "groupMember",
        "data": {"action": action, **data, "entities": entities},
    }
    return _tell(world, body, {*group.members, by, on or by}, device_id)


def _tell(world: World, body: Json, audience: set[str], device_id: str) -> Json:
    message = world.messages.add(body, now=world.now())
    world.deliver(audience, realtime.message_frame(world, message, device_id=device_id))
    return message


def _group_entity(group: Group) -> Json:
    return {"entityType": "group", "entity": group.public()}
