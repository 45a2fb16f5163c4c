"""REST for users: login, profiles, auth tokens, and blocked users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .call import Call, Route
from .responses import Refusal

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json
    from cometconn.emulator.world.people import Person
    from cometconn.emulator.world.webhooks import Trigger

__all__ = ["PROFILE", "USER_ROUTES", "set_name"]

PROFILE: Final[dict[str, type]] = {"avatar": str, "link": str, "metadata": dict, "statusMessage": str, "tags": list}
"""The fields of a user's profile that a request can set, with their types."""


def set_name(call: Call, person: Person) -> None:
    """Set the name, if the request has one."""
    if "name" in call.body:
        person.name = call.text("name")


def _log_in(call: Call) -> Json:
    call.check_key()
    uid = call.known_user(call.path["uid"])
    return {"data": _new_token(call, uid)}


def _new_token(call: Call, uid: str) -> Json:
    return {"uid": uid, "authToken": call.app.sessions.issue_token(uid), "createdAt": call.app.now()}


def _tokens(call: Call) -> Json:
    call.check_key(rest_api_key=True)
    uid = call.known_user(call.path["uid"])
    return call.listing([{"uid": uid, "authToken": token} for token in call.app.sessions.tokens_of(uid)])


def _revoke(call: Call) -> Json:
    """Revoke one auth token of a user, or all of them."""
    call.check_key(rest_api_key=True)
    uid, sessions = call.known_user(call.path["uid"]), call.app.sessions
    known, token = sessions.tokens_of(uid), call.path.get("token")
    if token is not None and token not in known:
        raise Refusal(404, "ERR_AUTH_TOKEN_NOT_FOUND", f"The user {uid} has no such auth token.")
    for each in known if token is None else [token]:
        sessions.forget(each)
    return {"data": {"success": True, "message": "The auth token is revoked."}}


def _create(call: Call) -> Json:
    call.check_key()
    uid = call.text("uid")
    if uid in call.app.people:
        raise Refusal(400, "ERR_UID_ALREADY_EXISTS", f"There is a user with the uid {uid} already.")
    call.text("name")
    _check_role(call)
    call.set_profile({}, **PROFILE)
    _set_fields(call, call.app.add_user(uid))
    token = {"authToken": _new_token(call, uid)["authToken"]} if call.body.get("withAuthToken") is True else {}
    return {"data": {**call.app.public(uid), **token}}


def _update(call: Call) -> Json:
    call.check_key()
    person = call.app.people[call.known_user(call.path["uid"])]
    _check_role(call)
    _set_fields(call, person)
    for name in call.texts("unset"):
        person.profile.pop(name, None)
    return {"data": call.app.public(person.uid)}


def _check_role(call: Call) -> None:
    if "role" in call.body:
        call.text("role")


def _set_fields(call: Call, person: Person) -> None:
    set_name(call, person)
    call.set_profile(person.profile, **PROFILE)
    person.role = call.body.get("role", person.role)


def _user(call: Call) -> Json:
    return {"data": call.app.public(call.known_user(call.path["uid"]), by=call.person().uid)}


def _users(call: Call) -> Json:
    me, app = call.person(), call.app
    uids, roles, tags, search_in = (call.names(name) for name in ("uids", "roles", "tags", "searchIn"))
    found = []
    for uid, person in app.people.items():
        wanted = uid in (uids or {uid}) and person.role in (roles or {person.role})
        known = not call.flag("friendsOnly") or uid in me.friends
        hidden = call.flag("hideBlockedUsers") and (uid in me.blocked or me.uid in person.blocked)
        tagged = not tags or not tags.isdisjoint(person.profile.get("tags", ()))
        searched = [text for name, text in (("name", person.name), ("uid", uid)) if name in (search_in or {name})]
        if uid != me.uid and wanted and known and tagged and not hidden and call.searches(*searched):
            found.append(app.public(uid, by=me.uid))
    by = call.query.get("sortBy")
    if by is not None:
        found.sort(key=lambda user: str(user.get(by, "")).lower(), reverse=call.query.get("sortOrder") == "desc")
    return call.listing([user for user in found if call.has_status(user)])


def _block(call: Call) -> Json:
    me, uids = call.person(), _blocked_uids(call)
    me.blocked.update(uids)
    return _blocked(call, uids, "user_blocked", "The user is blocked.")


def _unblock(call: Call) -> Json:
    me, uids = call.person(), _blocked_uids(call)
    me.blocked.difference_update(uids)
    return _blocked(call, uids, "user_unblocked", "The user is not blocked any more.")


def _blocked_uids(call: Call) -> list[str]:
    uids, me = call.texts("blockedUids"), call.person().uid
    if not uids:
        raise Refusal(400, "ERR_BAD_REQUEST", "The field blockedUids must be a list of uids and not empty.")
    if me in uids:
        raise Refusal(400, "ERR_CANNOT_BLOCK_SELF", f"{me} cannot block itself.")
    return [call.known_user(uid) for uid in dict.fromkeys(uids)]


def _blocked(call: Call, uids: list[str], trigger: Trigger, message: str) -> Json:
    app = call.app
    app.announce(trigger, {"users": {uid: app.public(uid) for uid in uids}, "by": app.public(call.person().uid)})
    return {"data": {uid: {"success": True, "message": message} for uid in uids}}


def _blocked_users(call: Call) -> Json:
    """List the users that the request's user has blocked, or that have blocked it, by `direction`."""
    me, app = call.person(), call.app
    direction = call.query.get("direction", "blockedByMe")
    found = []
    for uid, person in app.people.items():
        by_me, of_me = uid in me.blocked, me.uid in person.blocked
        wanted = {"blockedByMe": by_me, "hasBlockedMe": of_me, "both": by_me or of_me}
        if direction not in wanted:
            raise Refusal(400, "ERR_BAD_REQUEST", f"The parameter direction must be one of {', '.join(wanted)}.")
        if wanted[direction] and call.searches(person.name, uid):
            found.append(app.public(uid, by=me.uid))
    return call.listing(found)


USER_ROUTES: tuple[Route, ...] = (
    ("POST", "users", _create),
    ("GET", "users", _users),
    ("GET", "users/{uid}", _user),
    ("PUT", "users/{uid}", _update),
    ("POST", "users/{uid}/auth_tokens", _log_in),
    ("GET", "users/{uid}/auth_tokens", _tokens),
    ("DELETE", "users/{uid}/auth_tokens", _revoke),
    ("DELETE", "users/{uid}/auth_tokens/{token}", _revoke),
    ("GET", "blockedusers", _blocked_users),
    ("POST", "blockedusers", _block),
    ("DELETE", "blockedusers", _unblock),
)
