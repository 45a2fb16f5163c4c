"""REST for groups and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from .actions import group_action
from .call import Call, Refusal, listing
from .jsontext import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from .people import Group

__all__ = ["GROUP_ROUTES", "joined_group", "known_user"]

_SCOPES = {"admins": "admin", "moderators": "moderator", "participants": "participant"}
_KINDS = ("public", "private", "password")


def known_user(call: Call, uid: str) -> str:
    """Give the uid back if there is such a user."""
    if uid not in call.world.people:
        raise Refusal(404, "ERR_UID_NOT_FOUND", f"There is no user with the uid {uid}.")
    return uid


def joined_group(call: Call, guid: str) -> Group:
    """Give the group if the user who asks is a member."""
    group, uid = _known_group(call, guid), call.person().uid
    if uid not in group.members:
        raise Refusal(403, "ERR_GROUP_NOT_JOINED", f"{uid} is not a member of the group {guid}.")
    return group


def _known_group(call: Call, guid: str) -> Group:
    group = call.world.groups.get(guid)
    if group is None:
        raise Refusal(404, "ERR_GUID_NOT_FOUND", f"There is no group with the guid {guid}.")
    return group


def _led_group(call: Call) -> Group:
    group, uid = joined_group(call, call.path["guid"]), call.person().uid
    if group.members[uid] == "participant":
        raise Refusal(403, "ERR_GROUP_NO_MODERATOR_SCOPE", f"{uid} does not lead the group {group.guid}.")
    return group


def _owned_group(call: Call) -> Group:
    group = joined_group(call, call.path["guid"])
    if group.owner != call.person().uid:
        raise Refusal(403, "ERR_PERMISSION_DENIED", f"Only the owner of the group {group.guid} may do that.")
    return group


def _member(call: Call, group: Group) -> str:
    uid = call.path["uid"]
    if uid not in group.members:
        raise Refusal(404, "ERR_NOT_A_MEMBER", f"{uid} is not a member of the group {group.guid}.")
    return uid


def _create(call: Call) -> Json:
    guid, uid = call.text("guid"), call.person().uid
    if guid in call.world.groups:
        raise Refusal(400, "ERR_GUID_ALREADY_EXISTS", f"There is a group with the guid {guid} already.")
    named = call.body.get("members")
    others = attrs.evolve(call, body=named if isinstance(named, dict) else {})
    wanted = _wanted(others)
    _check_kind(call)
    group = call.world.add_group(guid, (uid,))
    _describe(call, group)
    added = _take_in(call, group, wanted)
    return {"data": {**group.public(uid), "members": {"data": added}}}


def _update(call: Call) -> Json:
    group = _led_group(call)
    _check_kind(call)
    _describe(call, group)
    return {"data": group.public(call.person().uid)}


def _check_kind(call: Call) -> None:
    kind = call.body.get("type", "public")
    if kind not in _KINDS:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field type must be one of {', '.join(_KINDS)}.")
    if kind == "password":
        call.text("password")


def _describe(call: Call, group: Group) -> None:
    """Take over what the request says of the group."""
    if isinstance(name := call.body.get("name"), str) and name:
        group.name = name
    if "type" in call.body:
        group.kind = call.text("type")
        group.password = call.text("password") if group.kind == "password" else ""


def _hand_over(call: Call) -> Json:
    group, heir = _owned_group(call), known_user(call, call.text("owner"))
    if heir not in group.members:
        raise Refusal(404, "ERR_NOT_A_MEMBER", f"{heir} is not a member of the group {group.guid}.")
    group.members |= {call.person().uid: "admin", heir: "owner"}
    return {"data": {"success": True, "message": f"The group {group.guid} belongs to {heir} now."}}


def _delete(call: Call) -> Json:
    del call.world.groups[_owned_group(call).guid]
    return {"data": {"success": True, "message": "The group is deleted."}}


def _group(call: Call) -> Json:
    return {"data": _known_group(call, call.path["guid"]).public(call.person().uid)}


def _groups(call: Call) -> Json:
    uid = call.person().uid
    joined_only = call.query.get("hasJoined", "0").lower() in {"1", "true"}
    found = [group for group in call.world.groups.values() if call.searches(group.name)]
    return listing([group.public(uid) for group in found if uid in group.members or not joined_only])


def _members(call: Call) -> Json:
    group = joined_group(call, call.path["guid"])
    return listing([{**call.world.public(uid), "scope": scope} for uid, scope in group.members.items()])


def _join(call: Call) -> Json:
    group, uid = _known_group(call, call.path["guid"]), call.person().uid
    if uid in group.banned:
        raise Refusal(403, "ERR_BANNED_GROUPMEMBER", f"{uid} is banned from the group {group.guid}.")
    if uid in group.members:
        raise Refusal(400, "ERR_ALREADY_JOINED", f"{uid} is a member of the group {group.guid} already.")
    if group.kind == "private" or (group.kind == "password" and call.body.get("password") != group.password):
        raise Refusal(403, "ERR_GROUP_JOIN_NOT_ALLOWED", f"The {group.kind} group {group.guid} does not let {uid} in.")
    group.members[uid] = "participant"
    return {"data": _tell(call, "joined", group)}


def _leave(call: Call) -> Json:
    group, uid = joined_group(call, call.path["guid"]), call.person().uid
    if group.members[uid] == "owner" and len(group.members) > 1:
        raise Refusal(400, "ERR_OWNER_EXIT_FORBIDDEN", f"{uid} owns the group {group.guid} and cannot leave it.")
    del group.members[uid]
    return {"data": _tell(call, "left", group)}


def _add(call: Call) -> Json:
    return {"data": _take_in(call, _led_group(call), _wanted(call))}


def _wanted(call: Call) -> dict[str, list[str]]:
    """Read who is to be added, by scope, and who to be banned."""
    return {name: [known_user(call, uid) for uid in call.texts(name)] for name in (*_SCOPES, "usersToBan")}


def _take_in(call: Call, group: Group, wanted: dict[str, list[str]]) -> Json:
    """Add many; each is told of by itself, as the official clients expect it."""
    for name, scope in _SCOPES.items():
        for uid in wanted[name]:
            if uid not in group.members:
                group.members[uid] = scope
                group.banned.discard(uid)
                _tell(call, "added", group, uid)
    for uid in wanted["usersToBan"]:
        _put_out(call, group, uid, "banned")
    return {name: {uid: {"success": True} for uid in uids} for name, uids in wanted.items()}


def _kick(call: Call) -> Json:
    group = _led_group(call)
    return {"data": _put_out(call, group, _member(call, group), "kicked")}


def _ban(call: Call) -> Json:
    group = _led_group(call)
    return {"data": _put_out(call, group, known_user(call, call.path["uid"]), "banned")}


def _put_out(call: Call, group: Group, uid: str, action: str) -> Json:
    if group.members.get(uid) == "owner":
        raise Refusal(403, "ERR_PERMISSION_DENIED", f"{uid} owns the group {group.guid}.")
    group.members.pop(uid, None)
    if action == "banned":
        group.banned.add(uid)
    return _tell(call, action, group, uid)


def _unban(call: Call) -> Json:
    group, uid = _led_group(call), call.path["uid"]
    if uid not in group.banned:
        raise Refusal(404, "ERR_NOT_A_BANNED_USER", f"{uid} is not banned from the group {group.guid}.")
    group.banned.remove(uid)
    return {"data": _tell(call, "unbanned", group, uid)}


def _banned(call: Call) -> Json:
    return listing([call.world.public(uid) for uid in sorted(_led_group(call).banned)])


def _change_scope(call: Call) -> Json:
    group = _led_group(call)
    uid, scope = _member(call, group), call.text("scope")
    if scope not in _SCOPES.values():
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field scope must be one of {', '.join(_SCOPES.values())}.")
    change = {"scope": {"new": scope, "old": group.members[uid]}}
    group.members[uid] = scope
    return {"data": _tell(call, "scopeChanged", group, uid, extras=change)}


def _tell(call: Call, action: str, group: Group, on: str | None = None, **data: Any) -> Json:
    by, device_id = call.person().uid, call.device_id
    return group_action(call.world, action, group, by=by, on=on, device_id=device_id, **data)


GROUP_ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("GET", "groups", _groups),
    ("POST", "groups", _create),
    ("GET", "groups/{guid}", _group),
    ("PUT", "groups/{guid}", _update),
    ("PATCH", "groups/{guid}/owner", _hand_over),
    ("DELETE", "groups/{guid}", _delete),
    ("GET", "groups/{guid}/members", _members),
    ("POST", "groups/{guid}/members", _join),
    ("DELETE", "groups/{guid}/members", _leave),
    ("PUT", "groups/{guid}/members", _add),
    ("PUT", "groups/{guid}/members/{uid}", _change_scope),
    ("DELETE", "groups/{guid}/members/{uid}", _kick),
    ("GET", "groups/{guid}/bannedusers", _banned),
    ("POST", "groups/{guid}/bannedusers/{uid}", _ban),
    ("DELETE", "groups/{guid}/bannedusers/{uid}", _unban),
)
