"""The REST API of a `World`, without sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cometconn.emulator import World
from cometconn.environment import Request

TEXT = {"category": "message", "type": "text", "data": {"text": "hi"}}


def world() -> World:
    """A `World` with a clock of its own."""
    return World(groups={"hikers": ("amy-2",)}, clock=lambda: 0.0, wall_clock=lambda: 1800000000.0)


def request(of: World, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
    """One call."""
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"appId": "APP", "content-type": "application/json", **headers}
    answer = of.answer(Request(method, f"http://127.0.0.1{path}", headers, raw))
    return answer.status, json.loads(answer.body)


def token(of: World, uid: str = "zed-1") -> str:
    """Log in."""
    _, answer = request(of, "POST", f"/v3.0/users/{uid}/auth_tokens", {}, apiKey="KEY")
    return str(answer["data"]["authToken"])


@pytest.mark.parametrize("prefix", ["/v3.0", ""])
def test_login_with_and_without_the_version(prefix: str) -> None:
    """Login works with and without the version in the path; PUT /me answers with a JWT and the settings."""
    of = world()
    _, answer = request(of, "POST", f"{prefix}/users/zed-1/auth_tokens", {}, apiKey="KEY")
    status, me = request(of, "PUT", f"{prefix}/me", {}, authToken=answer["data"]["authToken"])
    assert status == 200
    assert me["data"]["uid"] == "zed-1"
    assert me["data"]["jwt"]
    assert me["data"]["settings"]["CHAT_HOST"] == "127.0.0.1"


def test_the_requests_of_a_logged_in_client() -> None:
    """Users, the user's groups, settings, sessions and logout are answered."""
    of = world()
    mine, amys = token(of), token(of, "amy-2")
    for path in ("/v3.0/me", "/v3.0/settings", "/v3.0/users/amy-2"):
        assert request(of, "GET", path, authToken=mine)[0] == 200, path
    assert request(of, "GET", "/v3.0/groups/hikers", authToken=amys)[0] == 200
    assert request(of, "POST", "/v3.0/user_sessions", {}, authToken=mine)[0] == 200
    jwt = request(of, "PUT", "/v3.0/me", {}, authToken=mine)[1]["data"]["jwt"]
    assert request(of, "POST", "/v1/ping", {}, Authorization=f"Bearer {jwt}")[0] == 200
    assert request(of, "POST", "/v1/ping", {}, Authorization="Bearer x")[1]["error"]["code"] == "ERR_NO_AUTH"
    assert request(of, "DELETE", "/v3.0/me", authToken=mine)[0] == 200
    assert request(of, "GET", "/v3.0/me", authToken=mine)[1]["error"]["code"] == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"


def test_messages_are_stored_and_listed_for_those_concerned() -> None:
    """A posted message has an id, and both users find it, in its thread too; other users do not."""
    of = world()
    of.add_user("bob-3")
    mine, amys, bobs = token(of), token(of, "amy-2"), token(of, "bob-3")
    status, sent = request(
        of, "POST", "/v3.0/messages", {**TEXT, "receiver": "amy-2", "receiverType": "user"}, authToken=mine
    )
    assert status == 200
    number = sent["data"]["id"]
    reply = {**TEXT, "receiver": "zed-1", "receiverType": "user", "parentId": int(number), "muid": "m"}
    request(of, "POST", "/v3.0/messages", reply, authToken=amys)
    request(of, "POST", "/v3.0/messages", {**TEXT, "receiver": "hikers", "receiverType": "group"}, authToken=amys)

    def listed(path: str, user_token: str) -> int:
        return len(request(of, "GET", path, authToken=user_token)[1]["data"])

    assert listed("/v3.0/messages?per_page=30&id=0&affix=append", mine) >= 1
    assert listed("/v3.0/users/amy-2/messages?per_page=30&id=0&affix=append", mine) >= 1
    assert listed("/v3.0/groups/hikers/messages?per_page=30&sentAt=1&affix=append", amys) == 1
    assert listed(f"/v3.0/messages/{number}/thread?per_page=30&id=0&affix=append", mine) == 1
    assert listed("/v3.0/messages?per_page=30&id=0&affix=append", bobs) == 0
    assert request(of, "GET", f"/v3.0/messages/{number}", authToken=amys)[0] == 200
    assert request(of, "GET", f"/v3.0/messages/{number}", authToken=bobs)[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/v3.0/nothing", None, None),
        ("PATCH", "/v3.0/me", None, None),
        ("GET", "/v3.0/users/nobody", None, "ERR_UID_NOT_FOUND"),
        ("GET", "/v3.0/users/nobody/messages?id=0", None, "ERR_UID_NOT_FOUND"),
        ("GET", "/v3.0/groups/none", None, "ERR_GUID_NOT_FOUND"),
        ("GET", "/v3.0/groups/hikers/members", None, "ERR_GROUP_NOT_JOINED"),
        ("GET", "/v3.0/messages?id=x", None, "ERR_BAD_REQUEST"),
        ("GET", "/v3.0/messages/77", None, "ERR_MESSAGE_ID_NOT_FOUND"),
        ("POST", "/v3.0/messages", b"{", None),
        ("POST", "/v3.0/messages", {}, None),
        ("POST", "/v3.0/messages", {**TEXT, "receiver": "amy-2", "receiverType": "room"}, "ERR_BAD_REQUEST"),
        ("POST", "/v3.0/messages", {**TEXT, "receiver": "hikers", "receiverType": "group"}, "ERR_GROUP_NOT_JOINED"),
        (
            "POST",
            "/v3.0/messages",
            {**TEXT, "receiver": "amy-2", "receiverType": "user", "category": "x"},
            "ERR_BAD_REQUEST",
        ),
        ("POST", "/v3.0/messages", {**TEXT, "receiver": "amy-2", "receiverType": "user", "data": 3}, "ERR_BAD_REQUEST"),
        (
            "POST",
            "/v3.0/messages",
            {**TEXT, "receiver": "amy-2", "receiverType": "user", "data": {"text": ""}},
            "ERR_EMPTY_MESSAGE_TEXT",
        ),
    ],
)
def test_bad_requests_are_answered_with_a_code(method: str, path: str, body: Any, code: str | None) -> None:
    """The answer is always JSON with an error that has a code and a message."""
    of = world()
    status, answer = request(of, method, path, body, authToken=token(of))
    assert 400 <= status < 500
    assert answer["error"]["message"]
    assert code in {None, answer["error"]["code"]}


def test_a_wrong_app_and_no_token() -> None:
    """Another app id and a missing token are refused."""
    of = world()
    assert request(of, "GET", "/v3.0/me", appId="OTHER", authToken=token(of))[0] >= 400
    assert request(of, "GET", "/v3.0/me")[0] == 401


def test_invalid_users_and_groups_are_refused() -> None:
    """Repeated users, unknown members and repeated groups are refused."""
    from cometconn.errors import SettingsError

    of = world()
    for wrong in (
        lambda: of.add_user("zed-1"),
        lambda: of.add_group("g", ["nobody"]),
        lambda: of.add_group("hikers", []),
    ):
        with pytest.raises(SettingsError):
            wrong()
