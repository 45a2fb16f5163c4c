"""REST for pins and saves: messages and conversations, and who hears of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from .call import Call
from .group_routes import joined_group, known_user
from .jsontext import Json
from .message_routes import seen_by, tell, visible_message
from .messages import private_conversation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PIN_ROUTES"]


def _pin(call: Call) -> Json:
    message = visible_message(call)
    message |= {"pinnedAt": call.world.now(), "pinnedBy": call.person().uid}
    return _told_to_all(call, message, "pinned")


def _unpin(call: Call) -> Json:
    message = visible_message(call)
    for name in ("pinnedAt", "pinnedBy"):
        message.pop(name, None)
    return _told_to_all(call, message, "unpinned")


def _told_to_all(call: Call, message: Json, action: str) -> Json:
    body = {"action": action, "message": copy.deepcopy(message)}
    tell(call, message, "message_pin", body, to=call.world.concerned(message))
    return {"data": seen_by(call, message)}


def _save(call: Call) -> Json:
    message = visible_message(call)
    call.world.messages.saved[call.person().uid, message["id"]] = call.world.now()
    return _told_to_oneself(call, message, "saved")


def _unsave(call: Call) -> Json:
    message = visible_message(call)
    call.world.messages.saved.pop((call.person().uid, message["id"]), None)
    return _told_to_oneself(call, message, "unsaved")


def _told_to_oneself(call: Call, message: Json, action: str) -> Json:
    """Saves are private: only the user's other devices hear of them."""
    seen = seen_by(call, message)
    tell(call, message, "message_save", {"action": action, "message": seen}, to={call.person().uid})
    return {"data": seen}


def _pin_conversation(call: Call) -> Json:
    pinned = {"pinnedAt": call.world.now(), "pinnedBy": call.person().uid}
    return _conversation_told(call, "pinned", {**_conversation(call), **pinned})


def _unpin_conversation(call: Call) -> Json:
    return _conversation_told(call, "unpinned", _conversation(call))


def _conversation_told(call: Call, action: str, conversation: Json) -> Json:
    """Each user pins conversations for themselves, so their other devices hear of it."""
    uid, world = call.person().uid, call.world
    frame = {"appId": world.app_id, "receiver": uid, "receiverType": "user", "sender": uid, "deviceId": call.device_id}
    body = {"action": action, "conversation": conversation}
    world.deliver({uid}, {**frame, "type": "conversation_pin", "body": body})
    return {"data": conversation}


def _conversation(call: Call) -> Json:
    """Describe the conversation that the path names, as the user who asks sees it."""
    uid, world = call.person().uid, call.world
    if "guid" in call.path:
        group = joined_group(call, call.path["guid"])
        kind, other, identifier = "group", group.public(), f"group_{group.guid}"
    else:
        known_user(call, call.path["uid"])
        kind, other = "user", world.public(call.path["uid"])
        identifier = private_conversation(uid, call.path["uid"])
    messages = [message for message in world.messages if message["conversationId"] == identifier]
    unread = [message for message in messages if not world.messages.receipts.reached(message, uid, "read")]
    last = {"lastMessage": copy.deepcopy(messages[-1]), "latestMessageId": messages[-1]["id"]} if messages else {}
    return {
        "conversationId": identifier,
        "conversationType": kind,
        "conversationWith": other,
        "unreadMessageCount": len(unread),
        **last,
    }


PIN_ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("POST", "messages/{id}/pin", _pin),
    ("DELETE", "messages/{id}/pin", _unpin),
    ("POST", "messages/{id}/save", _save),
    ("DELETE", "messages/{id}/save", _unsave),
    ("POST", "users/{uid}/conversation/pin", _pin_conversation),
    ("DELETE", "users/{uid}/conversation/pin", _unpin_conversation),
    ("POST", "groups/{guid}/conversation/pin", _pin_conversation),
    ("DELETE", "groups/{guid}/conversation/pin", _unpin_conversation),
)
"""As in `routes.ROUTES`."""
