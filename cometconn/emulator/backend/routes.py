"""The table of the REST API, and the handlers of the own user, settings and analytics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Call, Route
from .conversation_routes import CONVERSATION_ROUTES
from .file_routes import FILE_ROUTES
from .group_routes import GROUP_ROUTES
from .message_routes import MESSAGE_ROUTES
from .notification_routes import NOTIFICATION_ROUTES
from .page_routes import PAGE_ROUTES
from .pin_routes import PIN_ROUTES
from .receipt_routes import RECEIPT_ROUTES
from .responses import Refusal
from .send_routes import SEND_ROUTES
from .signalling_routes import SIGNALLING_ROUTES
from .thread_routes import THREAD_ROUTES
from .user_routes import PROFILE, USER_ROUTES, set_name

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["ROUTES"]


def _change_me(call: Call) -> Json:
    """Set the name and the profile, where the request has them; a login has none of them."""
    call.set_profile({}, **PROFILE)
    set_name(call, call.person())
    call.set_profile(call.person().profile, **PROFILE)
    return _me(call)


def _me(call: Call) -> Json:
    """Return the user with a valid JWT, and the server's settings."""
    app, token, person = call.app, call.token(), call.person()
    user = app.public(person.uid) | {
        "status": "online",
        "wsChannel": {"identity": f"[{app.app_id}]{person.uid}", "secret": "", "service": ""},
        "jwt": app.sessions.jwt_for(token),
        "authToken": token,
        "settings": call.settings(),
    }
    if call.faults.secured_media:
        user["fat"] = app.sessions.fat_for(person.uid)
    return {"data": user}


def _log_out(call: Call) -> Json:
    call.app.sessions.forget(call.token())
    return {"data": {"success": True, "message": "Logged out."}}


def _settings(call: Call) -> Json:
    return {"data": call.settings()}


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


ROUTES: tuple[Route, ...] = (
    ("GET", "me", _me),
    ("PUT", "me", _change_me),
    ("DELETE", "me", _log_out),
    ("GET", "settings", _settings),
    ("POST", "user_sessions", _user_session),
    *USER_ROUTES,
    *SEND_ROUTES,
    *PAGE_ROUTES,
    *MESSAGE_ROUTES,
    *RECEIPT_ROUTES,
    *PIN_ROUTES,
    *CONVERSATION_ROUTES,
    *GROUP_ROUTES,
    *THREAD_ROUTES,
    *SIGNALLING_ROUTES,
    *NOTIFICATION_ROUTES,
    *FILE_ROUTES,
    ("POST", "api/{version}/online-members", _count_online),
    ("POST", "{version}/ping", _analytics),
)
"""The first route that fits is taken."""
