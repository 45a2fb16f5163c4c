"""The JSON of webhook events, as CometChat's page of webhook events has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .people import group_conversation

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

    from .people import Group

__all__ = ["GROUP_TRIGGERS", "Trigger", "connection_data", "group_data", "receipt_data", "webhook_body"]

Trigger: TypeAlias = Literal[
    "group_created",
    "group_deleted",
    "group_member_added",
    "group_member_banned",
    "group_member_joined",
    "group_member_kicked",
    "group_member_left",
    "group_member_scope_changed",
    "group_member_unbanned",
    "group_owner_transferred",
    "group_updated",
    "message_deleted",
    "message_delivered_to_all",
    "message_delivery_receipt",
    "message_edited",
    "message_reaction_added",
    "message_reaction_removed",
    "message_read_by_all",
    "message_read_receipt",
    "message_sent",
    "user_blocked",
    "user_connection_status_changed",
    "user_mentioned",
    "user_unblocked",
]

GROUP_TRIGGERS: Final[dict[str, Trigger]] = {
    "added": "group_member_added",
    "banned": "group_member_banned",
    "joined": "group_member_joined",
    "kicked": "group_member_kicked",
    "left": "group_member_left",
    "scopeChanged": "group_member_scope_changed",
    "unbanned": "group_member_unbanned",
}
"""The trigger of each action message of a group."""

_SYSTEM_USER: Final = {"uid": "app_system", "name": "System", "avatar": "", "role": "default", "status": "offline"}


def webhook_body(app_id: str, trigger: Trigger, data: Json) -> Json:
    """Return the body of one request to a webhook."""
    return {"trigger": trigger, "data": data, "appId": app_id, "region": "local", "webhook": "emulator"}


def group_data(group: Group) -> Json:
    """Return a group as it stands in webhook events."""
    shown = group.public()
    del shown["hasJoined"]
    return {**shown, "conversationId": group_conversation(group.guid)}


def receipt_data(message: Json, user: Json | None, action: str, *, now: int) -> Json:
    """Return the data of a receipt. *user*: the user that it is from; `None` when it is about all members of a group."""
    is_group = message["receiverType"] == "group"
    by = user or _SYSTEM_USER
    return {
        "receiver": message["receiver"] if is_group else message["sender"],
        "receiverType": message["receiverType"],
        "type": "receipts",
        "sender": by["uid"],
        "messageSender": message["sender"],
        "body": {"action": action, "messageId": message["id"], "user": by, "timestamp": now},
    }


def connection_data(user: Json, action: str, client: Json, *, now: float, presence_changed: bool) -> Json:
    """Return the data of a connection that began or ended. Its times are in milliseconds, those of users in seconds."""
    known = {name: client[name] for name in ("appInfo", "platform", "userAgent") if name in client}
    return {
        "timestamp": int(now * 1000),
        "user": user,
        "status": user["status"],
        "currentConnection": {"action": action, **known},
        "userPresenceChanged": presence_changed,
    }
