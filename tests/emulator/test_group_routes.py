"""`cometconn.emulator.backend.group_routes`: what is asked for, what is answered, and which event the members get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from cometconn._wire.decoder import decode, decode_message

if TYPE_CHECKING:
    from cometconn.emulator import Device

    from .conftest import Village

# In the village zed-1 owns the group hikers and amy-2 is in it; bob-3 is not.


def one_event(village: Village, device: Device, uid: str) -> events.GroupAction:
    """Give the one event that a client of *uid* makes of what waits for it."""
    (frame,) = village.outbox(device)
    event = decode(json.dumps(frame), own_uid=uid, session_id="mine")
    assert isinstance(event, events.GroupAction), event
    return event


def test_a_group_is_made_with_its_members(village: Village) -> None:
    """Each of them hears of it; the answer says what became of each."""
    amy = village.device("amy-2")
    body = {"guid": "night", "members": {"admins": ["amy-2"], "usersToBan": ["bob-3"]}}
    made = village.ask("POST", "/groups", body, authToken=village.token("zed-1"))[1]["data"]
    assert made["members"]["data"]["admins"] == {"amy-2": {"success": True}}
    assert village.world.groups["night"].members == {"zed-1": "owner", "amy-2": "admin"}
    assert village.world.groups["night"].banned == {"bob-3"}
    assert [frame["body"]["data"]["action"] for frame in village.outbox(amy)] == ["added", "banned"]


def test_not_every_group_may_be_joined(village: Village) -> None:
    """A private one never, one with a password by who knows it; its owner can open it."""
    zed, amy = village.token("zed-1"), village.token("amy-2")
    village.ask("POST", "/groups", {"guid": "p", "type": "private"}, authToken=zed)
    village.ask("POST", "/groups", {"guid": "q", "type": "password", "password": "sesame"}, authToken=zed)

    def join(guid: str, **body: str) -> int:
        return village.ask("POST", f"/groups/{guid}/members", body, authToken=amy)[0]

    assert (join("p"), join("q"), join("q", password="simsim"), join("q", password="sesame")) == (403, 403, 403, 200)
    assert "sesame" not in repr(village.world.groups["q"])
    assert "sesame" not in json.dumps(village.ask("GET", "/groups", authToken=amy)[1])
    opened = village.ask("PUT", "/groups/p", {"name": "Open", "type": "public"}, authToken=zed)[1]["data"]
    assert (opened["name"], opened["type"], join("p")) == ("Open", "public", 200)


def test_a_group_gets_another_owner(village: Village) -> None:
    """The former owner may then leave."""
    zed = village.token("zed-1")
    assert village.ask("PATCH", "/groups/hikers/owner", {"owner": "amy-2"}, authToken=zed)[0] == 200
    assert village.world.groups["hikers"].members == {"zed-1": "admin", "amy-2": "owner"}
    assert village.ask("GET", "/groups/hikers", authToken=zed)[1]["data"]["owner"] == "amy-2"
    assert village.ask("DELETE", "/groups/hikers/members", authToken=zed)[0] == 200


@pytest.mark.parametrize(
    ("who", "method", "path", "body", "kind", "user"),
    [
        ("bob-3", "POST", "/groups/hikers/members", None, events.GroupMemberJoined, "bob-3"),
        ("amy-2", "DELETE", "/groups/hikers/members", None, events.GroupMemberLeft, "amy-2"),
        ("zed-1", "DELETE", "/groups/hikers/members/amy-2", None, events.GroupMemberKicked, "amy-2"),
        ("zed-1", "POST", "/groups/hikers/bannedusers/amy-2", None, events.GroupMemberBanned, "amy-2"),
        (
            "zed-1",
            "PUT",
            "/groups/hikers/members/amy-2",
            {"scope": "admin"},
            events.GroupMemberScopeChanged,
            "amy-2",
        ),
    ],
)
def test_what_happens_in_a_group_is_told(
    village: Village, who: str, method: str, path: str, body: Any, kind: type[events.GroupAction], user: str
) -> None:
    """The answer is the action, as the official clients expect it; members, and whom it concerns, get the event."""
    zed, amy = village.device("zed-1"), village.device("amy-2")
    village.outbox(zed)
    status, answer = village.ask(method, path, body, authToken=village.token(who))
    assert status == 200
    assert isinstance(decode_message(answer["data"]), kind)
    for uid, device in (("zed-1", zed), ("amy-2", amy)):
        event = one_event(village, device, uid)
        assert type(event) is kind
        assert (event.user.uid, event.by.uid, event.group.guid) == (user, who, "hikers")
        if isinstance(event, events.GroupMemberScopeChanged):
            assert (event.new_scope, event.old_scope) == ("admin", "participant")


def test_members_are_added_many_at_once(village: Village) -> None:
    """Each has its place in the answer and its event; who is in already is none."""
    amy, bob = village.device("amy-2"), village.device("bob-3")
    village.outbox(amy)
    body = {"participants": ["bob-3", "amy-2"], "usersToBan": []}
    status, answer = village.ask("PUT", "/groups/hikers/members", body, authToken=village.token("zed-1"))
    assert status == 200
    assert answer["data"] == {
        "admins": {},
        "moderators": {},
        "participants": {"bob-3": {"success": True}, "amy-2": {"success": True}},
        "usersToBan": {},
    }
    for uid, device in (("amy-2", amy), ("bob-3", bob)):
        event = one_event(village, device, uid)
        assert isinstance(event, events.GroupMemberAdded)
        assert event.user.uid == "bob-3"
    assert village.world.groups["hikers"].members["bob-3"] == "participant"


def test_a_ban_lasts_until_it_is_lifted(village: Village) -> None:
    """Who is banned is out, listed, and cannot join; once unbanned they can."""
    zed, amy, bob = (village.token(uid) for uid in ("zed-1", "amy-2", "bob-3"))
    village.ask("PUT", "/groups/hikers/members", {"usersToBan": ["amy-2"]}, authToken=zed)
    assert "amy-2" not in village.world.groups["hikers"].members
    assert [user["uid"] for user in village.ask("GET", "/groups/hikers/bannedusers", authToken=zed)[1]["data"]] == [
        "amy-2"
    ]
    assert village.ask("POST", "/groups/hikers/members", authToken=amy)[1]["error"]["code"] == "ERR_BANNED_GROUPMEMBER"
    watching = village.device("zed-1")
    status, answer = village.ask("DELETE", "/groups/hikers/bannedusers/amy-2", authToken=zed)
    assert status == 200
    assert isinstance(decode_message(answer["data"]), events.GroupMemberUnbanned)
    assert isinstance(one_event(village, watching, "zed-1"), events.GroupMemberUnbanned)
    assert village.ask("POST", "/groups/hikers/members", authToken=amy)[0] == 200
    assert village.ask("POST", "/groups/hikers/members", authToken=amy)[1]["error"]["code"] == "ERR_ALREADY_JOINED"
    code = village.ask("DELETE", "/groups/hikers/bannedusers/amy-2", authToken=zed)[1]["error"]["code"]
    assert code == "ERR_NOT_A_BANNED_USER"
    assert village.ask("GET", "/groups/hikers/bannedusers", authToken=bob)[1]["error"]["code"] == "ERR_GROUP_NOT_JOINED"


def test_groups_come_and_go(village: Village) -> None:
    """Whoever makes a group owns it and alone may delete it; lists show what the asker is to it."""
    zed, amy = village.token("zed-1"), village.token("amy-2")
    made = village.ask("POST", "/groups", {"guid": "night", "name": "At night", "type": "public"}, authToken=zed)[1]
    assert (made["data"]["name"], made["data"]["scope"], made["data"]["hasJoined"]) == ("At night", "owner", True)
    listed = {group["guid"]: group for group in village.ask("GET", "/groups", authToken=amy)[1]["data"]}
    assert (listed["night"]["hasJoined"], listed["hikers"]["scope"]) == (False, "participant")
    members = village.ask("GET", "/groups/hikers/members", authToken=amy)[1]
    assert [(member["uid"], member["scope"]) for member in members["data"]] == [
        ("zed-1", "owner"),
        ("amy-2", "participant"),
    ]
    assert members["meta"]["pagination"]["total_pages"] == 1
    assert village.ask("POST", "/groups", {"guid": "night"}, authToken=amy)[1]["error"]["code"] == (
        "ERR_GUID_ALREADY_EXISTS"
    )
    village.ask("POST", "/groups/night/members", authToken=amy)
    assert village.ask("DELETE", "/groups/night", authToken=amy)[1]["error"]["code"] == "ERR_PERMISSION_DENIED"
    assert village.ask("DELETE", "/groups/night", authToken=zed)[0] == 200
    assert village.ask("GET", "/groups/night", authToken=zed)[1]["error"]["code"] == "ERR_GUID_NOT_FOUND"


@pytest.mark.parametrize(
    ("who", "method", "path", "body", "code"),
    [
        ("amy-2", "DELETE", "/groups/hikers/members/zed-1", None, "ERR_GROUP_NO_MODERATOR_SCOPE"),
        ("zed-1", "DELETE", "/groups/hikers/members/bob-3", None, "ERR_NOT_A_MEMBER"),
        ("zed-1", "DELETE", "/groups/hikers/members/zed-1", None, "ERR_PERMISSION_DENIED"),
        ("zed-1", "DELETE", "/groups/hikers/members", None, "ERR_OWNER_EXIT_FORBIDDEN"),
        ("zed-1", "POST", "/groups/hikers/bannedusers/nobody", None, "ERR_UID_NOT_FOUND"),
        ("zed-1", "PUT", "/groups/hikers/members/amy-2", {"scope": "king"}, "ERR_BAD_REQUEST"),
        ("zed-1", "PUT", "/groups/hikers/members", {"admins": "bob-3"}, "ERR_BAD_REQUEST"),
        ("zed-1", "PUT", "/groups/hikers/members", {"admins": ["nobody"]}, "ERR_UID_NOT_FOUND"),
        ("zed-1", "POST", "/groups", {}, "ERR_BAD_REQUEST"),
        ("zed-1", "POST", "/groups", {"guid": "x", "type": "secret"}, "ERR_BAD_REQUEST"),
        ("zed-1", "POST", "/groups", {"guid": "x", "type": ["public"]}, "ERR_BAD_REQUEST"),
        ("zed-1", "POST", "/groups", {"guid": "x", "type": "password"}, "ERR_BAD_REQUEST"),
        ("zed-1", "POST", "/groups", {"guid": "x", "members": {"admins": ["nobody"]}}, "ERR_UID_NOT_FOUND"),
        ("amy-2", "PUT", "/groups/hikers", {"name": "Mine"}, "ERR_GROUP_NO_MODERATOR_SCOPE"),
        ("amy-2", "PATCH", "/groups/hikers/owner", {"owner": "amy-2"}, "ERR_PERMISSION_DENIED"),
        ("zed-1", "PATCH", "/groups/hikers/owner", {"owner": "bob-3"}, "ERR_NOT_A_MEMBER"),
        ("zed-1", "PATCH", "/groups/hikers/owner", {"owner": "nobody"}, "ERR_UID_NOT_FOUND"),
    ],
)
def test_what_makes_no_sense(village: Village, who: str, method: str, path: str, body: Any, code: str) -> None:
    """It is refused with a code, nothing changes, and nobody hears of it."""
    zed, before = village.device("zed-1"), dict(village.world.groups["hikers"].members)
    status, answer = village.ask(method, path, body, authToken=village.token(who))
    assert 400 <= status < 500
    assert answer["error"]["code"] == code
    assert village.world.groups["hikers"].members == before
    assert list(village.world.groups) == ["hikers"]
    assert not village.outbox(zed)


def test_users_are_listed(village: Village) -> None:
    """All but the one who asks, by name and by status if wanted."""
    village.device("amy-2")

    def uids(query: str) -> list[str]:
        answer = village.ask("GET", f"/users{query}", authToken=village.token("zed-1"))[1]
        return [user["uid"] for user in answer["data"]]

    assert uids("") == ["amy-2", "bob-3"]
    assert uids("?searchKey=BOB&per_page=30&page=1") == ["bob-3"]
    assert uids("?status=online") == ["amy-2"]


def test_groups_are_listed(village: Village) -> None:
    """By name, and only those joined, if wanted."""
    village.world.add_group("night", ["bob-3"])

    def guids(query: str) -> list[str]:
        answer = village.ask("GET", f"/groups{query}", authToken=village.token("zed-1"))[1]
        return [group["guid"] for group in answer["data"]]

    assert guids("") == ["hikers", "night"]
    assert guids("?hasJoined=1") == ["hikers"]
    assert guids("?searchKey=nig") == ["night"]
