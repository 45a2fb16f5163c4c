"""`cometconn.emulator.backend.user_routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend

KEY, REST_KEY = {"apiKey": "KEY"}, {"apiKey": "REST-KEY"}


def test_a_user_is_created_and_changed(backend: Backend) -> None:
    """With an auth key, too; fields that are not named stay; `unset` and `null` remove some."""
    profile = {"avatar": "http://a/1.png", "metadata": {"a": 1}, "role": "vip", "tags": ["t"]}
    status, made = backend.request("POST", "/users", {"uid": "new", "name": "New", **profile}, **KEY)
    assert status == 200
    assert {name: made["data"][name] for name in profile} == profile
    assert "authToken" not in made["data"]
    changed = backend.request("PUT", "/users/new", {"name": "Newer", "unset": ["avatar"]}, **REST_KEY)[1]["data"]
    assert (changed["name"], "avatar" in changed, changed["metadata"]) == ("Newer", False, {"a": 1})
    changed = backend.request("PUT", "/users/new", {"metadata": None}, **KEY)[1]["data"]
    assert "metadata" not in changed
    again = backend.request("POST", "/users", {"uid": "new", "name": "New"}, **KEY)
    assert (again[0], again[1]["error"]["code"]) == (400, "ERR_UID_ALREADY_EXISTS")


def test_a_user_can_come_with_a_token(backend: Backend) -> None:
    """The token is valid at once."""
    made = backend.request("POST", "/users", {"uid": "new", "name": "New", "withAuthToken": True}, **REST_KEY)[1][
        "data"
    ]
    assert backend.request("GET", "/me", authToken=made["authToken"])[1]["data"]["uid"] == "new"


def test_tokens_are_listed_and_revoked_with_the_rest_api_key(backend: Backend) -> None:
    """One, or all of a user. An auth key may not, no key at all neither; the log shows no token."""
    first, second, other = backend.token("zed-1"), backend.token("zed-1"), backend.token("amy-2")
    path = "/users/zed-1/auth_tokens"
    listed = backend.request("GET", path, **REST_KEY)[1]["data"]
    assert [each["authToken"] for each in listed] == [first, second]
    assert backend.request("DELETE", f"{path}/{first}", **KEY)[0] == 403
    assert backend.request("DELETE", f"{path}/{first}")[0] == 401
    assert backend.request("DELETE", f"{path}/{other}", **REST_KEY)[0] == 404
    assert backend.request("DELETE", f"{path}/{first}", **REST_KEY)[0] == 200
    assert backend.request("DELETE", f"{path}/{first}", **REST_KEY)[0] == 404
    revoked = backend.request("GET", "/me", authToken=first)
    assert (revoked[0], revoked[1]["error"]["code"]) == (401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND")
    assert backend.request("DELETE", path, **REST_KEY)[0] == 200
    assert backend.request("GET", "/me", authToken=second)[0] == 401
    assert backend.request("GET", "/me", authToken=other)[0] == 200
    paths = [entry.detail["path"] for entry in backend.world.log if entry.detail.get("status") == 200]
    assert f"{path}/***" in paths


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"uid": "new"},
        {"uid": "", "name": "x"},
        {"uid": 7, "name": "x"},
        {"uid": "new", "name": ["x"]},
        {"uid": "new", "name": "x", "avatar": 7},
        {"uid": "new", "name": "x", "metadata": []},
        {"uid": "new", "name": "x", "role": {}},
        {"uid": "new", "name": "x", "tags": "t"},
    ],
)
def test_a_bad_user_is_not_created(backend: Backend, body: dict[str, Any]) -> None:
    """Whatever is missing or has the wrong type."""
    assert backend.request("POST", "/users", body, **KEY)[0] == 400
    assert "new" not in backend.world.people


def test_the_own_name_and_profile_can_be_changed(backend: Backend) -> None:
    """Others see both; where one field is refused, none is changed."""
    zed, amy = backend.token("zed-1"), backend.token("amy-2")
    profile = {"statusMessage": "away", "avatar": "http://a/1.png", "metadata": {"a": 1}, "tags": ["t"]}
    backend.request("PUT", "/me", {"name": "Zed the First", **profile}, authToken=zed)
    shown = backend.request("GET", "/users/zed-1", authToken=amy)[1]["data"]
    assert {name: shown[name] for name in ("name", *profile)} == {"name": "Zed the First", **profile}
    assert backend.request("PUT", "/me", {"name": "No", "statusMessage": 7}, authToken=zed)[0] == 400
    assert backend.world.people["zed-1"].name == "Zed the First"


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("", ["amy-2", "bob-3"]),
        ("searchKey=BOB", ["bob-3"]),
        ("searchKey=-2", ["amy-2"]),
        ("uids=bob-3,zed-1,nobody", ["bob-3"]),
        ("roles=vip", ["bob-3"]),
        ("friendsOnly=1", ["amy-2"]),
        ("status=online", ["amy-2"]),
        ("status=available", ["amy-2"]),
        ("status=offline", ["bob-3"]),
        ("tags=b,x", ["bob-3"]),
        ("sortBy=name&sortOrder=desc", ["bob-3", "amy-2"]),
        ("sortBy=name&sortOrder=asc", ["amy-2", "bob-3"]),
        ("searchKey=robert", ["bob-3"]),
        ("searchKey=robert&searchIn=uid", []),
        ("searchKey=robert&searchIn=name,uid", ["bob-3"]),
        ("hideBlockedUsers=true", ["amy-2"]),
        ("per_page=1", ["amy-2"]),
        ("per_page=1&page=2", ["bob-3"]),
        ("per_page=1&page=3", []),
    ],
)
def test_users_are_searched(backend: Backend, query: str, uids: list[str]) -> None:
    """By name and uid, role, tags, friendship and status; sorted; page by page, and empty beyond the last page."""
    backend.device("amy-2")
    backend.world.people["bob-3"].role, backend.world.people["bob-3"].name = "vip", "Robert"
    backend.world.people["bob-3"].profile["tags"] = ["a", "b"]
    backend.world.people["zed-1"].friends.add("amy-2")
    backend.world.people["zed-1"].blocked.add("bob-3")
    answer = backend.request("GET", f"/users?{query}", authToken=backend.token("zed-1"))[1]
    assert [user["uid"] for user in answer["data"]] == uids
    if "per_page" in query:
        page = int(query[-1]) if "page=2" in query or "page=3" in query else 1
        assert answer["meta"]["pagination"] == {
            "total": 2,
            "count": len(uids),
            "per_page": 1,
            "current_page": page,
            "total_pages": 2,
        }


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=0", "per_page=-1", "per_page=99999999999999999999"])
def test_a_bad_page_is_refused(backend: Backend, query: str) -> None:
    """The error names the parameter."""
    status, answer = backend.request("GET", f"/users?{query}", authToken=backend.token("zed-1"))
    assert status == 400
    assert query.partition("=")[0] in answer["error"]["message"]


def test_messages_of_blocked_users_are_not_delivered(backend: Backend) -> None:
    """Nor their receipts; in groups they are, and they are stored. Each of the two sees the block."""
    zed, amy = backend.token("zed-1"), backend.token("amy-2")
    body = {"blockedUids": ["amy-2"]}
    answer = backend.request("POST", "/blockedusers", body, authToken=zed)[1]["data"]
    assert answer["amy-2"]["success"] is True
    device = backend.device("zed-1")
    draft = {"category": "message", "type": "text", "data": {"text": "hello"}}
    for receiver in ({"receiver": "zed-1", "receiverType": "user"}, {"receiver": "hikers", "receiverType": "group"}):
        assert backend.request("POST", "/messages", draft | receiver, authToken=amy)[0] == 200
    assert [frame["receiver"] for frame in backend.outbox(device)] == ["hikers"]

    def ids(query: str) -> list[str]:
        return [each["id"] for each in backend.request("GET", f"/messages?{query}", authToken=zed)[1]["data"]]

    assert (ids(""), ids("hideMessagesFromBlockedUsers=1")) == (["1", "2"], ["2"])
    seen = [
        backend.request("GET", f"/users/{uid}", authToken=token)[1]["data"]
        for uid, token in (("amy-2", zed), ("zed-1", amy))
    ]
    assert [(user["blockedByMe"], user["hasBlockedMe"]) for user in seen] == [(True, False), (False, True)]
    for direction, token, uids in (
        ("", zed, ["amy-2"]),
        ("", amy, []),
        ("direction=hasBlockedMe", amy, ["zed-1"]),
        ("direction=both", zed, ["amy-2"]),
    ):
        listed = backend.request("GET", f"/blockedusers?{direction}", authToken=token)[1]["data"]
        assert [user["uid"] for user in listed] == uids
    assert backend.request("DELETE", "/blockedusers", body, authToken=zed)[0] == 200
    backend.request("POST", "/messages", {**draft, "receiver": "zed-1", "receiverType": "user"}, authToken=amy)
    assert len(backend.outbox(device)) == 1


@pytest.mark.parametrize("uids", [None, [], "amy-2", [7], ["nobody"], ["zed-1"]])
def test_only_other_users_can_be_blocked(backend: Backend, uids: Any) -> None:
    """And nothing else changes."""
    status, _ = backend.request("POST", "/blockedusers", {"blockedUids": uids}, authToken=backend.token("zed-1"))
    assert status in {400, 404}
    assert not backend.world.people["zed-1"].blocked
