"""REST for groups and their members."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import attrs

from cometconn.emulator.world.actions import publish_group_action
from cometconn.emulator.world.webhooks import group_data

from .call import Call, Route
from .responses import Refusal

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json
    from cometconn.emulator.world.people import Group

__all__ = ["GROUP_ROUTES"]

_SCOPES = {"admins": "admin", "moderators": "moderator", "participants": "participant"}
_KINDS = ("public", "private", "password")
_PROFILE: dict[str, type] = {"description": str, "icon": str, "metadata": dict, "tags": list}


def _led_group(call: Call) -> Group:
    """Return the group of the path if the request's user is its owner, an admin or a moderator."""
    group, uid = call.joined_group(call.path["guid"]), call.person().uid
    if group.members[uid] == "participant":
        raise Refusal(403, "ERR_GROUP_NO_MODERATOR_SCOPE", f"{uid} does not lead the group {group.guid}.")
    return group


def _owned_group(call: Call) -> Group:
    """Return the group of the path if the request's user owns it."""
    group = call.joined_group(call.path["guid"])
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
    if guid in call.app.groups:
        raise Refusal(400, "ERR_GUID_ALREADY_EXISTS", f"There is a group with the guid {guid} already.")
    named = call.body.get("members")
    others = attrs.evolve(call, body=named if isinstance(named, dict) else {})
    wanted = _requested_members(others)
    _check_kind(call)
    call.set_profile({}, **_PROFILE)
    group = call.app.add_group(guid, (uid,))
    _set_fields(call, group)
    call.app.announce("group_created", {"group": group_data(group), "members": {uid: call.app.public(uid)}})
    added = _add_members(call, group, wanted)
    return {"data": {**group.public(uid), "members": {"data": added}}}


def _update(call: Call) -> Json:
    group = _led_group(call)
    _check_kind(call)
    _set_fields(call, group)
    call.app.announce("group_updated", {"group": {**group_data(group), "updatedBy": call.person().uid}})
    return {"data": group.public(call.person().uid)}


def _check_kind(call: Call) -> None:
    kind = call.body.get("type", "public")
    if kind not in _KINDS:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field type must be one of {', '.join(_KINDS)}.")
    if kind == "password":
        call.text("password")


def _set_fields(call: Call, group: Group) -> None:
    """Set the fields of the group that the request names."""
    call.set_profile(group.profile, **_PROFILE)
    if isinstance(name := call.body.get("name"), str) and name:
        group.name = name
    if "type" in call.body:
        group.kind = call.text("type")
        group.password = call.text("password") if group.kind == "password" else ""


def _transfer_ownership(call: Call) -> Json:
    group, new_owner = _owned_group(call), call.known_user(call.text("owner"))
    if new_owner not in group.members:
        raise Refusal(404, "ERR_NOT_A_MEMBER", f"{new_owner} is not a member of the group {group.guid}.")
    group.members |= {call.person().uid: "admin", new_owner: "owner"}
    call.app.announce("group_owner_transferred", {"group": group_data(group)})
    return {"data": {"success": True, "message": f"The group {group.guid} belongs to {new_owner} now."}}


def _delete(call: Call) -> Json:
    group = _owned_group(call)
    del call.app.groups[group.guid]
    call.app.announce("group_deleted", {"group": {**group_data(group), "updatedBy": call.person().uid}})
    return {"data": {"success": True, "message": "The group is deleted."}}


def _group(call: Call) -> Json:
    return {"data": call.known_group(call.path["guid"]).public(call.person().uid)}


def _groups(call: Call) -> Json:
    uid = call.person().uid
    joined_only = call.flag("hasJoined")
    found = [
        group.public(uid)
        for group in call.app.groups.values()
        if call.searches(group.name, group.guid)
        and (uid in group.members or not (joined_only or group.kind == "private"))
        and (not (tags := call.names("tags")) or not tags.isdisjoint(group.profile.get("tags", ())))
    ]
    return call.listing(found)


def _members(call: Call) -> Json:
    group = call.joined_group(call.path["guid"])
    scopes = call.names("scopes")
    found = [
        {**call.app.public(uid, by=call.person().uid), "scope": scope, "joinedAt": group.created_at}
        for uid, scope in group.members.items()
        if scope in (scopes or {scope}) and call.searches(call.app.people[uid].name, uid)
    ]
    return call.listing([member for member in found if call.has_status(member)])


def _join(call: Call) -> Json:
    group, uid = call.known_group(call.path["guid"]), call.person().uid
    if uid in group.banned:
        raise Refusal(403, "ERR_BANNED_GROUPMEMBER", f"{uid} is banned from the group {group.guid}.")
    if uid in group.members:
        raise Refusal(400, "ERR_ALREADY_JOINED", f"{uid} is a member of the group {group.guid} already.")
    if group.kind == "private" or (group.kind == "password" and call.body.get("password") != group.password):
        raise Refusal(403, "ERR_GROUP_JOIN_NOT_ALLOWED", f"The {group.kind} group {group.guid} does not let {uid} in.")
    group.members[uid] = "participant"
    published = copy.deepcopy(_publish(call, "joined", group))
    published["data"]["entities"]["for"]["entity"] = group.public(uid)
    return {"data": published}


def _leave(call: Call) -> Json:
    group, uid = call.joined_group(call.path["guid"]), call.person().uid
    if group.members[uid] == "owner" and len(group.members) > 1:
        raise Refusal(400, "ERR_OWNER_EXIT_FORBIDDEN", f"{uid} owns the group {group.guid} and cannot leave it.")
    del group.members[uid]
    return {"data": _publish(call, "left", group)}


def _add(call: Call) -> Json:
    return {"data": _add_members(call, _led_group(call), _requested_members(call))}


def _requested_members(call: Call) -> dict[str, list[str]]:
    """Read the uids to add, by scope, and those to ban."""
    return {name: [call.known_user(uid) for uid in call.texts(name)] for name in (*_SCOPES, "usersToBan")}


def _add_members(call: Call, group: Group, wanted: dict[str, list[str]]) -> Json:
    """Add and ban many; each gets an action message of its own, as the official clients expect it."""
    for name, scope in _SCOPES.items():
        for uid in wanted[name]:
            if uid not in group.members:
                group.members[uid] = scope
                group.banned.discard(uid)
                _publish(call, "added", group, uid)
    for uid in wanted["usersToBan"]:
        _remove_member(call, group, uid, "banned")
    return {name: {uid: {"success": True} for uid in uids} for name, uids in wanted.items()}


def _kick(call: Call) -> Json:
    group = _led_group(call)
    return {"data": _remove_member(call, group, _member(call, group), "kicked")}


def _ban(call: Call) -> Json:
    group = _led_group(call)
    return {"data": _remove_member(call, group, call.known_user(call.path["uid"]), "banned")}


def _remove_member(call: Call, group: Group, uid: str, action: str) -> Json:
    if group.members.get(uid) == "owner":
        raise Refusal(403, "ERR_PERMISSION_DENIED", f"{uid} owns the group {group.guid}.")
    group.members.pop(uid, None)
    if action == "banned":
        group.banned.add(uid)
    return _publish(call, action, group, uid)


def _unban(call: Call) -> Json:
    group, uid = _led_group(call), call.path["uid"]
    if uid not in group.banned:
        raise Refusal(404, "ERR_NOT_A_BANNED_USER", f"{uid} is not banned from the group {group.guid}.")
    group.banned.remove(uid)
    return {"data": _publish(call, "unbanned", group, uid)}


def _banned(call: Call) -> Json:
    banned = [call.app.public(uid) for uid in sorted(_led_group(call).banned)]
    return call.listing([user for user in banned if call.searches(user["name"], user["uid"])])


def _change_scope(call: Call) -> Json:
    group = _led_group(call)
    uid, scope = _member(call, group), call.text("scope")
    if scope not in _SCOPES.values():
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field scope must be one of {', '.join(_SCOPES.values())}.")
    change = {"scope": {"new": scope, "old": group.members[uid]}}
    group.members[uid] = scope
    return {"data": _publish(call, "scopeChanged", group, uid, extras=change)}


def _publish(call: Call, action: str, group: Group, on: str | None = None, **data: Any) -> Json:
    by, device_id = call.person().uid, call.device_id
    return publish_group_action(call.app, action, group, by=by, on=on, device_id=device_id, **data)


GROUP_ROUTES: tuple[Route, ...] = (
    ("GET", "groups", _groups),
    ("POST", "groups", _create),
    ("GET", "groups/{guid}", _group),
    ("PUT", "groups/{guid}", _update),
    ("PATCH", "groups/{guid}/owner", _transfer_ownership),
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
