"""The table of the REST API, and the handlers of login, users, settings, analytics and sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Call, Route
from .group_routes import GROUP_ROUTES
from .message_routes import MESSAGE_ROUTES
from .page_routes import PAGE_ROUTES
from .pin_routes import PIN_ROUTES
from .receipt_routes import RECEIPT_ROUTES
from .responses import Refusal, listing

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["ROUTES"]

_CATEGORIES = frozenset({"custom", "interactive", "message"})


def _log_in(call: Call) -> Json:
    if call.headers.get("apikey") != call.app.auth_key:
        raise Refusal(401, "AUTH_ERR_INVALID_API_KEY", "The auth key is not that of this app.")
    uid = call.known_user(call.path["uid"])
    return {"data": {"uid": uid, "authToken": call.app.sessions.issue_token(uid), "createdAt": call.app.now()}}


def _me(call: Call) -> Json:
    """`GET` and `PUT` alike: the user with a valid JWT, and the server's settings."""
    app, token, person = call.app, call.token(), call.person()
    user = app.public(person.uid) | {
        "status": "online",
        "wsChannel": {"identity": f"[{app.app_id}]{person.uid}", "secret": "", "service": ""},
        "jwt": app.sessions.jwt_for(token),
        "authToken": token,
        "settings": call.settings(),
    }
    return {"data": user}


def _log_out(call: Call) -> Json:
    call.app.sessions.forget(call.token())
    return {"data": {"success": True, "message": "Logged out."}}


def _settings(call: Call) -> Json:
    return {"data": call.settings()}


def _user(call: Call) -> Json:
    call.token()
    return {"data": call.app.public(call.known_user(call.path["uid"]))}


def _users(call: Call) -> Json:
    me, status = call.person().uid, call.query.get("status")
    others = [call.app.public(uid) for uid in call.app.people if uid != me]
    return listing([user for user in others if status in {None, user["status"]} and call.searches(user["name"])])


def _user_session(call: Call) -> Json:
    call.token()
    return {"data": {"success": True}}


def _analytics(call: Call) -> Json:
    """Refuse an expired JWT: the refusal is what makes official clients renew theirs."""
    _check_jwt(call)
    return {"data": {"ok": True}}


def _count_online(call: Call) -> Json:
    """Count the users that are online: of all users, and of the groups that are named."""
    _check_jwt(call)
    online = {uid for uid in call.app.people if call.app.connections(uid)}
    named = [call.app.groups[guid] for guid in call.texts("groups") if guid in call.app.groups]
    groups = {group.guid: len(online & set(group.members)) for group in named}
    return {"data": {"onlineUsersCount": len(online), "groups": groups}}


def _check_jwt(call: Call) -> None:
    jwt = call.headers.get("authorization", "").removeprefix("Bearer ")
    if call.app.sessions.user_of_jwt(jwt) is None:
        raise Refusal(401, "ERR_NO_AUTH", "The JWT is unknown or has expired: GET /me returns a new one.")


def _reply(call: Call) -> Json:
    """Send a message into the thread of another."""
    return _send(call, str(call.message()["id"]))


def _send_message(call: Call) -> Json:
    return _send(call, str(call.body.get("parentId") or ""))


def _send(call: Call, parent_id: str) -> Json:
    app, sender = call.app, call.person().uid
    receiver, receiver_type = call.text("receiver"), call.text("receiverType")
    category, kind = call.text("category"), call.text("type")
    if receiver_type == "group":
        call.joined_group(receiver)
    elif receiver_type == "user":
        call.known_user(receiver)
    else:
        raise Refusal(400, "ERR_BAD_REQUEST", "The field receiverType must be user or group.")
    if category not in _CATEGORIES:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field category must be one of {', '.join(sorted(_CATEGORIES))}.")
    data = call.data()
    if category == "message" and kind == "text" and not (isinstance(data.get("text"), str) and data["text"]):
        raise Refusal(400, "ERR_EMPTY_MESSAGE_TEXT", "The field data.text must be a text and not empty.")
    extras: Json = {"muid": call.body.get("muid"), "parentId": parent_id, "tags": call.texts("tags")}
    draft: Json = {"receiver": receiver, "receiverType": receiver_type, "category": category, "type": kind}
    draft |= {name: value for name, value in extras.items() if value}
    if (parent := app.messages.get(parent_id)) is not None:
        parent["replyCount"] = parent.get("replyCount", 0) + 1
    return {"data": app.post(sender, {**draft, "data": data}, device_id=call.device_id)}


ROUTES: tuple[Route, ...] = (
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
"""The first route that fits is taken."""
