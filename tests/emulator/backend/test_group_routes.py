"""`cometconn.emulator.backend.group_routes`: requests, their answers, and the events that the members get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from tests.received import message_frame, received_one

if TYPE_CHECKING:
    from cometconn.emulator import Device
    from tests.emulator.conftest import Backend

# zed-1 owns the group hikers and amy-2 is a member; bob-3 is not.


def one_event(backend: Backend, device: Device, uid: str) -> events.GroupAction:
    """Return the one event that a client of *uid* receives for its frames."""
    (frame,) = backend.outbox(device)
    event = received_one(frame, uid)
    assert isinstance(event, events.GroupAction), event
    return event


def test_a_group_is_made_with_its_members(backend: Backend) -> None:
    """Each of them gets an event; the answer has a result for each."""
    amy = backend.device("amy-2")
    body = {"guid": "night", "members": {"admins": ["amy-2"], "usersToBan": ["bob-3"]}}
    made = backend.request("POST", "/groups", body, authToken=backend.token("zed-1"))[1]["data"]
    assert made["members"]["data"]["admins"] == {"amy-2": {"success": True}}
    assert backend.world.groups["night"].members == {"zed-1": "owner", "amy-2": "admin"}
    assert backend.world.groups["night"].banned == {"bob-3"}
    assert [frame["body"]["data"]["action"] for frame in backend.outbox(amy)] == ["added", "banned"]


def test_not_every_group_may_be_joined(backend: Backend) -> None:
    """A private one cannot be joined, one with a password only with it; its owner can make it public."""
    zed, amy = backend.token("zed-1"), backend.token("amy-2")
    backend.request("POST", "/groups", {"guid": "p", "type": "private"}, authToken=zed)
    backend.request("POST", "/groups", {"guid": "q", "type": "password", "password": "sesame"}, authToken=zed)

    def join(guid: str, **body: str) -> int:
        return backend.request("POST", f"/groups/{guid}/members", body, authToken=amy)[0]

    assert (join("p"), join("q"), join("q", password="simsim"), join("q", password="sesame")) == (403, 403, 403, 200)
    assert "sesame" not in repr(backend.world.groups["q"])
    assert "sesame" not in json.dumps(backend.request("GET", "/groups", authToken=amy)[1])
    opened = backend.request("PUT", "/groups/p", {"name": "Open", "type": "public"}, authToken=zed)[1]["data"]
    assert (opened["name"], opened["type"], join("p")) == ("Open", "public", 200)


def test_a_group_gets_another_owner(backend: Backend) -> None:
    """The former owner can then leave."""
    zed = backend.token("zed-1")
    assert backend.request("PATCH", "/groups/hikers/owner", {"owner": "amy-2"}, authToken=zed)[0] == 200
    assert backend.world.groups["hikers"].members == {"zed-1": "admin", "amy-2": "owner"}
    assert backend.request("GET", "/groups/hikers", authToken=zed)[1]["data"]["owner"] == "amy-2"
    assert backend.request("DELETE", "/groups/hikers/members", authToken=zed)[0] == 200


@pytest.mark.parametrize(
    ("by", "method", "path", "body", "kind", "user"),
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
def test_group_actions_are_published(
    backend: Backend, by: str, method: str, path: str, body: Any, kind: type[events.GroupAction], user: str
) -> None:
    """The answer is the action, as the official clients expect it; the members and the user concerned get the event."""
    zed, amy = backend.device("zed-1"), backend.device("amy-2")
    backend.outbox(zed)
    status, answer = backend.request(method, path, body, authToken=backend.token(by))
    assert status == 200
    assert isinstance(received_one(message_frame(answer["data"])), kind)
    for uid, device in (("zed-1", zed), ("amy-2", amy)):
        event = one_event(backend, device, uid)
        assert type(event) is kind
        assert (event.user.uid, event.by.uid, event.group.guid) == (user, by, "hikers")
        if isinstance(event, events.GroupMemberScopeChanged):
            assert (event.new_scope, event.old_scope) == ("admin", "participant")


def test_members_are_added_many_at_once(backend: Backend) -> None:
    """Each has a result in the answer and an event; a user that is a member already gets no event."""
    amy, bob = backend.device("amy-2"), backend.device("bob-3")
    backend.outbox(amy)
    body = {"participants": ["bob-3", "amy-2"], "usersToBan": []}
    status, answer = backend.request("PUT", "/groups/hikers/members", body, authToken=backend.token("zed-1"))
    assert status == 200
    assert answer["data"] == {
        "admins": {},
        "moderators": {},
        "participants": {"bob-3": {"success": True}, "amy-2": {"success": True}},
        "usersToBan": {},
    }
    for uid, device in (("amy-2", amy), ("bob-3", bob)):
        event = one_event(backend, device, uid)
        assert isinstance(event, events.GroupMemberAdded)
        assert event.user.uid == "bob-3"
    assert backend.world.groups["hikers"].members["bob-3"] == "participant"


def test_a_ban_lasts_until_it_is_lifted(backend: Backend) -> None:
    """A banned user is removed and listed, and cannot join until the ban ends."""
    zed, amy, bob = (backend.token(uid) for uid in ("zed-1", "amy-2", "bob-3"))
    backend.request("PUT", "/groups/hikers/members", {"usersToBan": ["amy-2"]}, authToken=zed)
    assert "amy-2" not in backend.world.groups["hikers"].members
    assert [user["uid"] for user in backend.request("GET", "/groups/hikers/bannedusers", authToken=zed)[1]["data"]] == [
        "amy-2"
    ]
    assert (
        backend.request("POST", "/groups/hikers/members", authToken=amy)[1]["error"]["code"] == "ERR_BANNED_GROUPMEMBER"
    )
    watching = backend.device("zed-1")
    status, answer = backend.request("DELETE", "/groups/hikers/bannedusers/amy-2", authToken=zed)
    assert status == 200
    assert isinstance(received_one(message_frame(answer["data"])), events.GroupMemberUnbanned)
    assert isinstance(one_event(backend, watching, "zed-1"), events.GroupMemberUnbanned)
    assert backend.request("POST", "/groups/hikers/members", authToken=amy)[0] == 200
    assert backend.request("POST", "/groups/hikers/members", authToken=amy)[1]["error"]["code"] == "ERR_ALREADY_JOINED"
    code = backend.request("DELETE", "/groups/hikers/bannedusers/amy-2", authToken=zed)[1]["error"]["code"]
    assert code == "ERR_NOT_A_BANNED_USER"
    assert (
        backend.request("GET", "/groups/hikers/bannedusers", authToken=bob)[1]["error"]["code"]
        == "ERR_GROUP_NOT_JOINED"
    )


def test_groups_come_and_go(backend: Backend) -> None:
    """The user that creates a group owns it, and only the owner may delete it; lists show the user's own scope in it."""
    zed, amy = backend.token("zed-1"), backend.token("amy-2")
    made = backend.request("POST", "/groups", {"guid": "night", "name": "At night", "type": "public"}, authToken=zed)[1]
    assert (made["data"]["name"], made["data"]["scope"], made["data"]["hasJoined"]) == ("At night", "owner", True)
    listed = {group["guid"]: group for group in backend.request("GET", "/groups", authToken=amy)[1]["data"]}
    assert (listed["night"]["hasJoined"], listed["hikers"]["scope"]) == (False, "participant")
    members = backend.request("GET", "/groups/hikers/members", authToken=amy)[1]
    assert [(member["uid"], member["scope"]) for member in members["data"]] == [
        ("zed-1", "owner"),
        ("amy-2", "participant"),
    ]
    assert members["meta"]["pagination"]["total_pages"] == 1
    assert backend.request("POST", "/groups", {"guid": "night"}, authToken=amy)[1]["error"]["code"] == (
        "ERR_GUID_ALREADY_EXISTS"
    )
    backend.request("POST", "/groups/night/members", authToken=amy)
    assert backend.request("DELETE", "/groups/night", authToken=amy)[1]["error"]["code"] == "ERR_PERMISSION_DENIED"
    assert backend.request("DELETE", "/groups/night", authToken=zed)[0] == 200
    assert backend.request("GET", "/groups/night", authToken=zed)[1]["error"]["code"] == "ERR_GUID_NOT_FOUND"


@pytest.mark.parametrize(
    ("by", "method", "path", "body", "code"),
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
def test_bad_requests_are_refused(backend: Backend, by: str, method: str, path: str, body: Any, code: str) -> None:
    """It is refused with a code, nothing changes, and no event is sent."""
    zed, before = backend.device("zed-1"), dict(backend.world.groups["hikers"].members)
    status, answer = backend.request(method, path, body, authToken=backend.token(by))
    assert 400 <= status < 500
    assert answer["error"]["code"] == code
    assert backend.world.groups["hikers"].members == before
    assert list(backend.world.groups) == ["hikers"]
    assert not backend.outbox(zed)


def test_users_are_listed(backend: Backend) -> None:
    """All users but the request's own, filtered by name and by status."""
    backend.device("amy-2")

    def uids(query: str) -> list[str]:
        answer = backend.request("GET", f"/users{query}", authToken=backend.token("zed-1"))[1]
        return [user["uid"] for user in answer["data"]]

    assert uids("") == ["amy-2", "bob-3"]
    assert uids("?searchKey=BOB&per_page=30&page=1") == ["bob-3"]
    assert uids("?status=online") == ["amy-2"]


def test_groups_are_listed(backend: Backend) -> None:
    """Filtered by name, and by whether the user is a member."""
    backend.world.add_group("night", ["bob-3"])

    def guids(query: str) -> list[str]:
        answer = backend.request("GET", f"/groups{query}", authToken=backend.token("zed-1"))[1]
        return [group["guid"] for group in answer["data"]]

    assert guids("") == ["hikers", "night"]
    assert guids("?hasJoined=1") == ["hikers"]
    assert guids("?searchKey=nig") == ["night"]


@pytest.mark.parametrize(
    ("query", "guids"),
    [
        ("", ["hikers", "open", "locked"]),
        ("hasJoined=1", ["hikers"]),
        ("searchKey=LOCK", ["locked"]),
        ("searchKey=walkers", ["open"]),
        ("tags=t,u", ["open"]),
        ("per_page=2&page=2", ["locked"]),
        ("per_page=2&page=3", []),
    ],
)
def test_groups_are_searched(backend: Backend, query: str, guids: list[str]) -> None:
    """By guid, name and tags, page by page; a private group is shown to its members only."""
    bob = backend.token("bob-3")
    for body in (
        {
            "guid": "open",
            "name": "Walkers",
            "tags": ["t"],
            "icon": "http://i",
            "description": "d",
            "metadata": {"a": 1},
        },
        {"guid": "locked", "type": "password", "password": "p"},
        {"guid": "secret", "type": "private"},
    ):
        assert backend.request("POST", "/groups", body, authToken=bob)[0] == 200
    answer = backend.request("GET", f"/groups?{query}", authToken=backend.token("amy-2"))[1]
    assert [group["guid"] for group in answer["data"]] == guids
    shown = backend.request("GET", "/groups/open", authToken=bob)[1]["data"]
    assert (shown["icon"], shown["description"], shown["metadata"]) == ("http://i", "d", {"a": 1})


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("", ["zed-1", "amy-2"]),
        ("scopes=admin,owner", ["zed-1"]),
        ("searchKey=AMY", ["amy-2"]),
        ("status=online", ["amy-2"]),
        ("per_page=1&page=2", ["amy-2"]),
        ("per_page=1&page=3", []),
    ],
)
def test_members_are_searched(backend: Backend, query: str, uids: list[str]) -> None:
    """By scope, name, uid and status, page by page."""
    backend.device("amy-2")
    answer = backend.request("GET", f"/groups/hikers/members?{query}", authToken=backend.token("zed-1"))[1]
    assert [member["uid"] for member in answer["data"]] == uids


@pytest.mark.parametrize("body", [{"icon": 7}, {"metadata": []}, {"tags": "t"}, {"description": {}}])
def test_a_group_with_bad_fields_is_not_made(backend: Backend, body: dict[str, Any]) -> None:
    """Nothing of it stays."""
    assert backend.request("POST", "/groups", {"guid": "new", **body}, authToken=backend.token("zed-1"))[0] == 400
    assert "new" not in backend.world.groups
