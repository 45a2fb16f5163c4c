"""REST for what is done to a message: edit, delete, react, interact."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from . import realtime
from .actions import message_action
from .call import Call, Refusal, listing
from .jsontext import Json

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MESSAGE_ROUTES", "seen_by", "tell", "visible_message"]

_UNDERSTOOD_DATA = ("text", "customData", "metadata", "attachments", "url", "interactiveData", "mentions")


def visible_message(call: Call, identifier: str | None = None) -> Json:
    """Give the message of this id, or of the path's, if the user who asks may see it."""
    wanted = call.path["id"] if identifier is None else identifier
    message = call.world.messages.get(wanted)
    if message is None or call.person().uid not in call.world.concerned(message):
        raise Refusal(404, "ERR_MESSAGE_ID_NOT_FOUND", "There is no such message in your conversations.")
    return message


def _may_change(call: Call, message: Json) -> str:
    uid = call.person().uid
    group = call.world.groups.get(message["receiver"]) if message["receiverType"] == "group" else None
    leads = group is not None and group.members.get(uid) in {"owner", "admin", "moderator"}
    if message["sender"] != uid and not leads:
        raise Refusal(403, "ERR_PERMISSION_DENIED", f"{uid} may not change a message of {message['sender']}.")
    return uid


def _edit(call: Call) -> Json:
    message = visible_message(call)
    by = _may_change(call, message)
    data = call.body.get("data")
    if not isinstance(data, dict):
        raise Refusal(400, "ERR_BAD_REQUEST", "The field data must be an object.")
    tags = call.texts("tags")
    message["data"] |= {name: data[name] for name in _UNDERSTOOD_DATA if name in data}
    if tags:
        message["tags"] = tags
    _stamp(call, message, "edited", by)
    return {"data": message_action(call.world, "edited", message, by=by, device_id=call.device_id)}


def _delete(call: Call) -> Json:
    message = visible_message(call)
    by = _may_change(call, message)
    for name in _UNDERSTOOD_DATA:
        message["data"].pop(name, None)
    _stamp(call, message, "deleted", by)
    return {"data": message_action(call.world, "deleted", message, by=by, device_id=call.device_id)}


def _stamp(call: Call, message: Json, what: str, by: str) -> None:
    now = call.world.now()
    message |= {f"{what}At": now, f"{what}By": by, "updatedAt": now}


def _react(call: Call) -> Json:
    message, uid, emoji = visible_message(call), call.person().uid, call.path["reaction"]
    if not call.world.messages.reactions.add(message, emoji, uid, now=call.world.now()):
        raise Refusal(400, "ERR_REACTION_ALREADY_ADDED", f"{uid} has reacted with {emoji} before.")
    _tell_reaction(call, message, emoji, "message_reaction_added")
    return {"data": seen_by(call, message)}


def _take_reaction_back(call: Call) -> Json:
    message, uid, emoji = visible_message(call), call.person().uid, call.path["reaction"]
    if not call.world.messages.reactions.remove(message, emoji, uid):
        raise Refusal(400, "ERR_REACTION_NOT_FOUND", f"{uid} has not reacted with {emoji}.")
    _tell_reaction(call, message, emoji, "message_reaction_removed")
    return {"data": seen_by(call, message)}


def _reactions(call: Call) -> Json:
    message = visible_message(call)
    found = call.world.messages.reactions.of(message, call.path.get("reaction"))
    return listing([{**reaction, "reactedBy": call.world.public(reaction["uid"])} for reaction in found])


def _tell_reaction(call: Call, message: Json, emoji: str, action: str) -> None:
    uid = call.person().uid
    body = {
        "action": action,
        "id": f"{message['id']}-{uid}-{emoji}",
        "messageId": message["id"],
        "reaction": emoji,
        "uid": uid,
        "reactedAt": call.world.now(),
        "reactedBy": call.world.public(uid),
        "conversationId": message["conversationId"],
        **({"parentId": message["parentId"]} if "parentId" in message else {}),
    }
    tell(call, message, "reaction", body, to=call.world.concerned(message))


def seen_by(call: Call, message: Json) -> Json:
    """Give a message with its reactions, and when it was saved, as the user who asks sees them."""
    uid, messages = call.person().uid, call.world.messages
    seen: Json = copy.deepcopy(message)
    seen["data"]["reactions"] = messages.reactions.summary(message, uid)
    if (uid, message["id"]) in messages.saved:
        seen["savedAt"] = messages.saved[uid, message["id"]]
    return seen


def _interacted(call: Call) -> Json:
    message, elements = visible_message(call), call.body.get("interactions")
    if not (isinstance(elements, list) and elements and all(isinstance(element, str) for element in elements)):
        raise Refusal(400, "ERR_BAD_REQUEST", "The field interactions must be a list of element ids.")
    now = call.world.now()
    done = [{"elementId": element, "interactedAt": now} for element in elements]
    body = {"messageId": message["id"], "user": call.world.public(call.person().uid), "interactions": done}
    tell(call, message, "interaction_completed", body, to={message["sender"]})
    return {"data": {"success": True, "interactions": done}}


def tell(call: Call, message: Json, kind: str, body: Json, *, to: set[str]) -> None:
    """Send these users a frame of this kind about *message*, from the user who asks."""
    uid, is_group = call.person().uid, message["receiverType"] == "group"
    other = message["receiver"] if is_group or message["sender"] == uid else message["sender"]
    frame = realtime.message_frame(
        call.world,
        {"receiver": other, "receiverType": message["receiverType"], "sender": uid},
        device_id=call.device_id,
    )
    about = {"messageSender": message["sender"]} if kind in {"receipts", "interaction_completed"} else {}
    call.world.deliver(to, {**frame, "type": kind, **about, "body": body})


MESSAGE_ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("PUT", "messages/{id}", _edit),
    ("DELETE", "messages/{id}", _delete),
    ("GET", "messages/{id}/reactions", _reactions),
    ("GET", "messages/{id}/reactions/{reaction}", _reactions),
    ("POST", "messages/{id}/reactions/{reaction}", _react),
    ("DELETE", "messages/{id}/reactions/{reaction}", _take_reaction_back),
    ("PATCH", "messages/{id}/interacted", _interacted),
)
