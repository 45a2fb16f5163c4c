"""Action messages: what was done to a message or to a group, published to all users concerned."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .people import group_conversation
from .webhooks import GROUP_TRIGGERS, group_data

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

    from .chat_app import ChatApp
    from .people import Group

__all__ = ["publish_group_action", "publish_message_action"]

_SYSTEM = "app_system"
"""The sender of a group's action messages."""


def publish_message_action(app: ChatApp, action: str, message: Json, *, by: str, device_id: str) -> Json:
    """Publish that a message was edited or deleted; return the action message, as REST answers with it."""
    receiver, kind = message["receiver"], message["receiverType"]
    body = {
        "conversationId": message["conversationId"],
        "sender": by,
        "receiverType": kind,
        "receiver": receiver,
        "category": "action",
        "type": "message",
        "data": {
            "action": action,
            "entities": {
                "by": app.entity("user", by),
                "for": app.entity(kind, receiver),
                "on": {"entityType": "message", "entity": copy.deepcopy(message)},
            },
        },
    }
    published = app.publish(body, to={*app.concerned(message), by}, device_id=device_id)
    app.announce("message_edited" if action == "edited" else "message_deleted", {"message": published})
    return published


def publish_group_action(
    app: ChatApp, action: str, group: Group, *, by: str, on: str | None = None, device_id: str = "", **data: Any
) -> Json:
    """Publish to the members, and to the user concerned, what happened in a group; return the action message."""
    entities: Json = {"by": app.entity("user", by), "for": app.entity("group", group.guid)}
    if on is not None:
        entities["on"] = app.entity("user", on)
    body = {
        "conversationId": group_conversation(group.guid),
        "sender": _SYSTEM,
        "receiverType": "group",
        "receiver": group.guid,
        "category": "action",
        "type": "groupMember",
        "data": {"action": action, **data, "entities": entities},
    }
    published = app.publish(body, to={*group.members, by, on or by}, device_id=device_id)
    member = app.public(on or by)
    if "extras" in data:
        member |= {"scope": data["extras"]["scope"]["new"], "oldScope": data["extras"]["scope"]["old"]}
    actor = {} if on is None else {"by": app.public(by)}
    app.announce(GROUP_TRIGGERS[action], {"group": group_data(group), "members": {member["uid"]: member}, **actor})
    return published
