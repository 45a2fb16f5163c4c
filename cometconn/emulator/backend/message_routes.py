"""REST for what is done to a message: edit, delete, react, interact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cometconn.emulator.world.actions import publish_message_action

from .call import Call, Route
from .responses import Refusal

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["MESSAGE_ROUTES"]

_EDITABLE_DATA = ("text", "customData", "metadata", "attachments", "url", "interactiveData")


def _check_may_change(call: Call, message: Json) -> None:
    """Refuse users other than the author and, in a group, its owner, admins and moderators."""
    uid = call.person().uid
    group = call.app.groups.get(message["receiver"]) if message["receiverType"] == "group" else None
    leads = group is not None and group.members.get(uid) in {"owner", "admin", "moderator"}
    if message["sender"] != uid and not leads:
        raise Refusal(403, "ERR_PERMISSION_DENIED", f"{uid} may not change a message of {message['sender']}.")


def _edit(call: Call) -> Json:
    message = call.message()
    _check_may_change(call, message)
    data, tags = call.data(), call.texts("tags")
    message["data"] |= {name: data[name] for name in _EDITABLE_DATA if name in data}
    if "text" in data:
        message["data"]["mentions"] = call.app.mentions(data)
    if tags:
        message["tags"] = tags
    return _publish_change(call, message, "edited")


def _delete(call: Call) -> Json:
    message = call.message()
    _check_may_change(call, message)
    for name in (*_EDITABLE_DATA, "mentions"):
        message["data"].pop(name, None)
    return _publish_change(call, message, "deleted")


def _publish_change(call: Call, message: Json, action: str) -> Json:
    """Set the time and the user of the change, and publish the action message."""
    now, uid = call.app.now(), call.person().uid
    message |= {f"{action}At": now, f"{action}By": uid, "updatedAt": now}
    return {"data": publish_message_action(call.app, action, message, by=uid, device_id=call.device_id)}


def _react(call: Call) -> Json:
    message, uid, emoji = call.message(), call.person().uid, call.path["reaction"]
    if not call.app.messages.reactions.add(message, emoji, uid, now=call.app.now()):
        raise Refusal(400, "ERR_REACTION_ALREADY_ADDED", f"{uid} has reacted with {emoji} before.")
    _publish_reaction(call, message, emoji, "message_reaction_added")
    return {"data": call.view(message)}


def _remove_reaction(call: Call) -> Json:
    message, uid, emoji = call.message(), call.person().uid, call.path["reaction"]
    if not call.app.messages.reactions.remove(message, emoji, uid):
        raise Refusal(400, "ERR_REACTION_NOT_FOUND", f"{uid} has not reacted with {emoji}.")
    _publish_reaction(call, message, emoji, "message_reaction_removed")
    return {"data": call.view(message)}


def _reactions(call: Call) -> Json:
    message = call.message()
    found = call.app.messages.reactions.of(message, call.path.get("reaction"))
    page = call.listing([{**reaction, "reactedBy": call.app.public(reaction["uid"])} for reaction in found])
    # The JavaScript SDK adds this to its next request, and would request the same page again without it.
    page["meta"]["next"] = {"page": page["meta"]["pagination"]["current_page"] + 1}
    return page


def _publish_reaction(
    call: Call,
    message: Json,
    emoji: str,
    action: Literal["message_reaction_added", "message_reaction_removed"],
) -> None:
    uid = call.person().uid
    body = {
        "action": action,
        "id": f"{message['id']}-{uid}-{emoji}",
        "messageId": message["id"],
        "reaction": emoji,
        "uid": uid,
        "reactedAt": call.app.now(),
        "reactedBy": call.app.public(uid),
        "conversationId": message["conversationId"],
        **({"parentId": message["parentId"]} if "parentId" in message else {}),
    }
    call.publish(message, "reaction", body, to=call.app.concerned(message))
    call.app.announce(action, {"reaction": body})


def _interact(call: Call) -> Json:
    message, elements = call.message(), call.body.get("interactions")
    if not (isinstance(elements, list) and elements and all(isinstance(element, str) for element in elements)):
        raise Refusal(400, "ERR_BAD_REQUEST", "The field interactions must be a list of element ids.")
    now = call.app.now()
    interactions = [{"elementId": element, "interactedAt": now} for element in elements]
    body = {"messageId": message["id"], "user": call.app.public(call.person().uid), "interactions": interactions}
    call.publish(message, "interaction_completed", body, to={message["sender"]})
    return {"data": {"success": True, "interactions": interactions}}


def _done(call: Call) -> Json:
    """Answer a report of a message, which changes nothing here."""
    call.message()
    return {"data": {"success": True}}


MESSAGE_ROUTES: tuple[Route, ...] = (
    ("PUT", "messages/{id}", _edit),
    ("DELETE", "messages/{id}", _delete),
    ("GET", "messages/{id}/reactions", _reactions),
    ("GET", "messages/{id}/reactions/{reaction}", _reactions),
    ("POST", "messages/{id}/reactions/{reaction}", _react),
    ("DELETE", "messages/{id}/reactions/{reaction}", _remove_reaction),
    ("PATCH", "messages/{id}/interacted", _interact),
    ("POST", "messages/{id}/flagged", _done),
)
