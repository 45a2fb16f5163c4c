"""The REST API: one table of routes, one function per route.

A function takes the `Call` and gives the JSON answer, or raises `Refusal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .advertised import settings_object
from .call import Call, Refusal, listing
from .group_routes import GROUP_ROUTES, joined_group, known_user
from .jsontext import Json
from .message_routes import MESSAGE_ROUTES, visible_message
from .page_routes import PAGE_ROUTES
from .pin_routes import PIN_ROUTES
from .receipt_routes import RECEIPT_ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .world import World

__all__ = ["ROUTES", "Handle"]

Handle: TypeAlias = "Callable[[Call], Json]"

_CATEGORIES = frozenset({"custom", "interactive", "message"})


def _log_in(call: Call) -> Json:
    if call.headers.get("apikey") != call.world.auth_key:
        raise Refusal(401, "AUTH_ERR_INVALID_API_KEY", "The auth key is not that of this app.")
    uid = call.path["uid"]
    known_user(call, uid)
    return {"data": {"uid": uid, "authToken": call.world.sessions.issue_token(uid), "createdAt": call.world.now()}}


def _me(call: Call) -> Json:
    """`GET` and `PUT` alike: the user with a valid JWT, and where the servers are."""
    world, token, person = call.world, call.token(), call.person()
    user = world.public(person.uid) | {
        "status": "online",
        "wsChannel": {"identity": f"[{world.app_id}]{person.uid}", "secret": "", "service": ""},
        "jwt": world.sessions.jwt_for(token),
        "authToken": token,
        "settings": _advertised(world),
    }
    return {"data": user}


def _advertised(world: World) -> Json:
    return settings_object(world.host, world.port, now=world.now(), mode=world.faults.mode)


def _log_out(call: Call) -> Json:
    call.world.sessions.forget(call.token())
    return {"data": {"success": True, "message": "Logged out."}}


def _settings(call: Call) -> Json:
    return {"data": _advertised(call.world)}


def _user(call: Call) -> Json:
    call.token()
    known_user(call, call.path["uid"])
    return {"data": call.world.public(call.path["uid"])}


def _users(call: Call) -> Json:
    me, status = call.person().uid, call.query.get("status")
    others = [call.world.public(uid) for uid in call.world.people if uid != me]
    return listing([user for user in others if status in {None, user["status"]} and call.searches(user["name"])])


def _user_session(call: Call) -> Json:
    call.token()
    return {"data": {"success": True}}


def _analytics(call: Call) -> Json:
    """Only a valid JWT gets through; the refusal is what makes official clients renew theirs."""
    _check_jwt(call)
    return {"data": {"ok": True}}


def _count_online(call: Call) -> Json:
    """Count who is online: of everybody, and of the groups that are named."""
    _check_jwt(call)
    online = {uid for uid in call.world.people if call.world.connections(uid)}
    named = [call.world.groups[guid] for guid in call.texts("groups") if guid in call.world.groups]
    groups = {group.guid: len(online & set(group.members)) for group in named}
    return {"data": {"onlineUsersCount": len(online), "groups": groups}}


def _check_jwt(call: Call) -> None:
    jwt = call.headers.get("authorization", "").removeprefix("Bearer ")
    if call.world.sessions.user_of_jwt(jwt) is None:
        raise Refusal(401, "ERR_NO_AUTH", "The JWT is unknown or has expired: GET /me gives a new one.")


def _reply(call: Call) -> Json:
    """Send a message into the thread of another."""
    return _send(call, str(visible_message(call)["id"]))


def _send_message(call: Call) -> Json:
    return _send(call, str(call.body.get("parentId") or ""))


def _send(call: Call, parent_id: str) -> Json:
    world, sender = call.world, call.person().uid
    receiver, receiver_type = call.text("receiver"), call.text("receiverType")
    category, kind, data = call.text("category"), call.text("type"), call.body.get("data")
    if receiver_type == "group":
        joined_group(call, receiver)
    elif receiver_type == "user":
        known_user(call, receiver)
    else:
        raise Refusal(400, "ERR_BAD_REQUEST", "The field receiverType must be user or group.")
    if category not in _CATEGORIES:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field category must be one of {', '.join(sorted(_CATEGORIES))}.")
    if not isinstance(data, dict):
        raise Refusal(400, "ERR_BAD_REQUEST", "The field data must be an object.")
    if category == "message" and kind == "text" and not (isinstance(data.get("text"), str) and data["text"]):
        raise Refusal(400, "ERR_EMPTY_MESSAGE_TEXT", "The field data.text must be a text and not empty.")
    extras: Json = {"muid": call.body.get("muid"), "parentId": parent_id, "tags": call.texts("tags")}
    draft: Json = {"receiver": receiver, "receiverType": receiver_type, "category": category, "type": kind}
    draft |= {name: value for name, value in extras.items() if value}
    if (parent := world.messages.get(parent_id)) is not None:
        parent["replyCount"] = parent.get("replyCount", 0) + 1
    return {"data": world.post(sender, {**draft, "data": data}, device_id=call.device_id)}


ROUTES: tuple[tuple[str, str, Handle], ...] = (
    ("POST", "users/{uid}/auth_tokens", _log_in),
    ("GET", "me", _me),
    ("PUT", "me", _me),
    ("DELETE", "me", _log_out),
    ("GET", "settings", _settings),
    ("POST", "user_sessions", _user_session),
    ("GET", "users/{uid}", _user),
    ("GET", "users", _users),
    ("POST", "messages", _send_message),
    ("POST", "messages/{id}/thread", _reply),
    *PAGE_ROUTES,
    *MESSAGE_ROUTES,
    *RECEIPT_ROUTES,
    *PIN_ROUTES,
    *GROUP_ROUTES,
    ("POST", "api/{version}/online-members", _count_online),
    ("POST", "{version}/ping", _analytics),
)
"""Method, path below the (optional) version, and who answers. The first that fits wins."""
