"""REST for groups and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .actions import group_action
from .call import Call, Refusal, listing
from .jsontext import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from .people import Group

__all__ = ["GROUP_ROUTES", "joined_group", "known_user"]

_SCOPES = {"admins": "admin", "moderators": "moderator", "participants": "participant"}


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


def _member(call: Call, group: Group) -> str:
    uid = call.path["uid"]
    if uid not in group.members:
        raise Refusal(404, "ERR_NOT_A_MEMBER", f"{uid} is not a member of the group {group.guid}.")
    return uid


def _create(call: Call) -> Json:
    guid, uid = call.text("guid"), call.person().uid
    if guid in call.world.groups:
        raise Refusal(400, "ERR_GUID_ALREADY_EXISTS", f"There is a group with the guid {guid} already.")
    group = call.world.add_group(guid, (uid,))
    if isinstance(name := call.body.get("name"), str) and name:
        group.name = name
    return {"data": group.public(uid)}


def _delete(call: Call) -> Json:
    group = joined_group(call, call.path["guid"])
    if group.members[call.person().uid] != "owner":
        raise Refusal(403, "ERR_PERMISSION_DENIED", f"Only its owner may delete the group {group.guid}.")
    del call.world.groups[group.guid]
    return {"data": {"success": True, "message": "The group is deleted."}}


def _group(call: Call) -> Json:
    return {"data": _known_group(call, call.path["guid"]).public(call.person().uid)}


def _groups(call: Call) -> Json:
    uid = call.person().uid
    return listing([group.public(uid) for group in call.world.groups.values()])


def _members(call: Call) -> Json:
    group = joined_group(call, call.path["guid"])
    return listing([{**call.world.public(uid), "scope": scope} for uid, scope in group.members.items()])


def _join(call: Call) -> Json:
    group, uid = _known_group(call, call.path["guid"]), call.person().uid
    if uid in group.banned:
        raise Refusal(403, "ERR_BANNED_GROUPMEMBER", f"{uid} is banned from the group {group.guid}.")
    if uid in group.members:
        raise Refusal(400, "ERR_ALREADY_JOINED", f"{uid} is a member of the group {group.guid} already.")
    group.members[uid] = "participant"
    return {"data": _tell(call, "joined", group)}


def _leave(call: Call) -> Json:
    group, uid = joined_group(call, call.path["guid"]), call.person().uid
    if group.members[uid] == "owner" and len(group.members) > 1:
        raise Refusal(400, "ERR_OWNER_EXIT_FORBIDDEN", f"{uid} owns the group {group.guid} and cannot leave it.")
    del group.members[uid]
    return {"data": _tell(call, "left", group)}


def _add(call: Call) -> Json:
    """Add many; each is told of by itself, as the official clients expect it."""
    group = _led_group(call)
    answer: Json = {name: {} for name in (*_SCOPES, "usersToBan")}
    for name, scope in _SCOPES.items():
        for uid in _uids(call, name):
            answer[name][uid] = {"success": True}
            if uid not in group.members:
                group.members[uid] = scope
                group.banned.discard(uid)
                _tell(call, "added", group, uid)
    for uid in _uids(call, "usersToBan"):
        answer["usersToBan"][uid] = {"success": True}
        _put_out(call, group, uid, "banned")
    return {"data": answer}


def _uids(call: Call, name: str) -> list[str]:
    return [known_user(call, uid) for uid in call.texts(name)]


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
    by, device_id = call.person().uid, call.headers.get("resource", "")
    told = group_action(call.world, "scopeChanged", group, by=by, on=uid, device_id=device_id, extras=change)
    return {"data": told}


def _tell(call: Call, action: str, group: Group, on: str | None = None) -> Json:
    device_id = call.headers.get("resource", "")
    return group_action(call.world, action, group, by=call.person().uid, on=on, device_id=device_id)


GROUP_ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("GET", "groups", _groups),
    ("POST", "groups", _create),
    ("GET", "groups/{guid}", _group),
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
