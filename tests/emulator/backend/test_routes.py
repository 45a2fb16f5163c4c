"""`cometconn.emulator.backend.routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend

_HELLO = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "hello"}}


def test_login_takes_two_requests(backend: Backend) -> None:
    """The auth key gives a token, the token gives the user with JWT and settings."""
    status, made = backend.request(
        "POST", "/v3.0/users/zed-1/auth_tokens", {"platform": "X"}, apiKey="KEY", appId="APP"
    )
    assert status == 200
    assert (made["data"]["uid"], made["data"]["createdAt"]) == ("zed-1", 1_800_000_000)

    token = made["data"]["authToken"]
    status, me = backend.request("PUT", "/v3.0/me", {"platform": "X"}, authToken=token)

    assert status == 200
    assert (me["data"]["uid"], me["data"]["name"], me["data"]["status"]) == ("zed-1", "Zed 1", "online")
    assert me["data"]["authToken"] == token
    assert backend.world.sessions.user_of_jwt(me["data"]["jwt"]) == "zed-1"
    assert me["data"]["settings"]["CHAT_WSS_PORT"] == "4321"


def test_get_me_renews_an_expired_jwt(backend: Backend) -> None:
    """The JWT stays the same until it has expired."""
    token = backend.token("zed-1")
    old = backend.request("PUT", "/me", {}, authToken=token)[1]["data"]["jwt"]
    assert backend.request("GET", "/me", authToken=token)[1]["data"]["jwt"] == old

    backend.world.sessions.expire_jwts()

    assert backend.request("GET", "/me", authToken=token)[1]["data"]["jwt"] != old


def test_logout_makes_the_token_unknown(backend: Backend) -> None:
    """After `DELETE /me` the token is invalid; another token of the same user is still valid."""
    token, other = backend.token("zed-1"), backend.token("zed-1")

    assert backend.request("DELETE", "/me", authToken=token)[1]["data"]["success"] is True

    assert backend.request("GET", "/me", authToken=token)[1]["error"]["code"] == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    assert backend.request("GET", "/me", authToken=other)[0] == 200


def test_settings_sessions_users_and_groups_are_served(backend: Backend) -> None:
    """Settings, sessions, users and groups are answered."""
    token = backend.token("zed-1")

    assert backend.request("GET", "/settings")[1]["data"]["CLIENT_API_HOST"] == "127.0.0.1:4321"
    assert backend.request("POST", "/user_sessions", {"any": "thing"}, authToken=token)[0] == 200
    assert backend.request("GET", "/users/amy-2", authToken=token)[1]["data"]["name"] == "Amy 2"
    assert backend.request("GET", "/groups/hikers", authToken=token)[1]["data"]["membersCount"] == 2


def test_analytics_need_a_valid_jwt(backend: Backend) -> None:
    """An expired JWT is refused with the code that makes clients renew it."""
    jwt = backend.world.sessions.jwt_for(backend.token("zed-1"))
    assert backend.request("POST", "/v1/ping", {}, Authorization=f"Bearer {jwt}")[0] == 200

    backend.world.sessions.expire_jwts()

    status, answer = backend.request("POST", "/v1/ping", {}, Authorization=f"Bearer {jwt}")
    assert (status, answer["error"]["code"]) == (401, "ERR_NO_AUTH")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/users/nobody", 404, "ERR_UID_NOT_FOUND"),
        ("GET", "/users/nobody/messages", 404, "ERR_UID_NOT_FOUND"),
        ("GET", "/groups/nowhere", 404, "ERR_GUID_NOT_FOUND"),
        ("GET", "/groups/hikers/messages", 403, "ERR_GROUP_NOT_JOINED"),
        ("GET", "/messages/99", 404, "ERR_MESSAGE_ID_NOT_FOUND"),
        ("GET", "/messages/99/thread", 404, "ERR_MESSAGE_ID_NOT_FOUND"),
        ("GET", "/messages?affix=x", 400, "ERR_BAD_REQUEST"),
    ],
)
def test_what_is_not_there_is_refused(backend: Backend, method: str, path: str, status: int, code: str) -> None:
    """Each refusal has its status and code."""
    got, answer = backend.request(method, path, authToken=backend.token("bob-3"))

    assert (got, answer["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("uid", "key", "status", "code"),
    [
        ("zed-1", "WRONG", 401, "AUTH_ERR_INVALID_API_KEY"),
        ("zed-1", None, 401, "AUTH_ERR_INVALID_API_KEY"),
        ("nobody", "KEY", 404, "ERR_UID_NOT_FOUND"),
    ],
)
def test_login_is_refused(backend: Backend, uid: str, key: str | None, status: int, code: str) -> None:
    """A wrong or missing key is reported before an unknown user."""
    headers = {} if key is None else {"apiKey": key}

    got, answer = backend.request("POST", f"/users/{uid}/auth_tokens", {}, **headers)

    assert (got, answer["error"]["code"]) == (status, code)


def test_a_message_is_stored_and_pushed(backend: Backend) -> None:
    """It goes to every device of both users but the one it came from, as REST returns it."""
    sending, elsewhere = backend.device("zed-1", "d1"), backend.device("zed-1", "d2")
    receiving, stranger = backend.device("amy-2"), backend.device("bob-3")

    body = _HELLO | {"muid": "m-1", "tags": ["x"], "parentId": 7}
    status, answer = backend.request("POST", "/messages", body, authToken=backend.token("zed-1"), resource="d1")

    message = answer["data"]
    assert (status, message["id"], message["muid"], message["tags"], message["parentId"]) == (
        200,
        "1",
        "m-1",
        ["x"],
        "7",
    )
    assert (message["conversationId"], message["sentAt"]) == ("amy-2_user_zed-1", 1_800_000_000)
    assert message["data"]["entities"]["sender"]["entity"]["uid"] == "zed-1"
    assert backend.outbox(sending) == backend.outbox(stranger) == []
    for device in (elsewhere, receiving):
        (frame,) = backend.outbox(device)
        assert (frame["type"], frame["deviceId"], frame["receiver"], frame["body"]) == (
            "message",
            "d1",
            "amy-2",
            message,
        )


def test_a_group_message_reaches_the_members(backend: Backend) -> None:
    """The receiver and the conversation are the group's."""
    member, stranger = backend.device("zed-1"), backend.device("bob-3")

    body = _HELLO | {"receiver": "hikers", "receiverType": "group"}
    answer = backend.request("POST", "/messages", body, authToken=backend.token("amy-2"))[1]

    assert answer["data"]["conversationId"] == "group_hikers"
    assert answer["data"]["data"]["entities"]["receiver"]["entity"]["guid"] == "hikers"
    assert len(backend.outbox(member)) == 1
    assert backend.outbox(stranger) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"receiver": "nobody"}, 404, "ERR_UID_NOT_FOUND"),
        ({"receiver": ["amy-2"]}, 400, "ERR_BAD_REQUEST"),
        ({"receiver": "nowhere", "receiverType": "group"}, 404, "ERR_GUID_NOT_FOUND"),
        ({"receiver": "night", "receiverType": "group"}, 403, "ERR_GROUP_NOT_JOINED"),
        ({"receiverType": "planet"}, 400, "ERR_BAD_REQUEST"),
        ({"category": "action"}, 400, "ERR_BAD_REQUEST"),
        ({"category": ["message"]}, 400, "ERR_BAD_REQUEST"),
        ({"data": "text"}, 400, "ERR_BAD_REQUEST"),
        ({"data": {}}, 400, "ERR_EMPTY_MESSAGE_TEXT"),
        ({"data": {"text": ""}}, 400, "ERR_EMPTY_MESSAGE_TEXT"),
        ({"tags": [{}]}, 400, "ERR_BAD_REQUEST"),
    ],
)
def test_a_bad_message_is_refused(backend: Backend, change: dict[str, Any], status: int, code: str) -> None:
    """It is neither stored nor pushed."""
    backend.world.add_group("night", ["bob-3"])
    receiving = backend.device("amy-2")

    got, answer = backend.request("POST", "/messages", _HELLO | change, authToken=backend.token("zed-1"))

    assert (got, answer["error"]["code"]) == (status, code)
    assert len(backend.world.messages) == 0
    assert backend.outbox(receiving) == []


def test_a_reply_goes_into_the_thread(backend: Backend) -> None:
    """The path or the body names the parent, which counts its replies."""
    zed = backend.token("zed-1")
    backend.request("POST", "/messages", _HELLO, authToken=zed)

    reply = backend.request("POST", "/messages/1/thread", _HELLO, authToken=zed)[1]["data"]
    backend.request("POST", "/messages", _HELLO | {"parentId": 1}, authToken=zed)

    assert reply["parentId"] == "1"
    assert backend.request("GET", "/messages/1", authToken=zed)[1]["data"]["replyCount"] == 2
    status, answer = backend.request("POST", "/messages/1/thread", _HELLO, authToken=backend.token("bob-3"))
    assert (status, answer["error"]["code"]) == (404, "ERR_MESSAGE_ID_NOT_FOUND")


def test_online_users_are_counted(backend: Backend) -> None:
    """All users and those of the named groups are counted; the JWT authorizes the request."""
    backend.device("zed-1")
    backend.device("zed-1")
    backend.device("bob-3")
    jwt = backend.world.sessions.jwt_for(backend.token("zed-1"))

    def count(body: object, **headers: str) -> tuple[int, Any]:
        return backend.request("POST", "/api/v3.0/online-members", body, **headers)

    assert count({}, authorization=jwt)[1] == {"data": {"onlineUsersCount": 2, "groups": {}}}
    assert count({"groups": ["hikers", "nowhere"]}, authorization=jwt)[1]["data"]["groups"] == {"hikers": 1}
    assert count({"groups": "hikers"}, authorization=jwt)[0] == 400
    assert count({})[1]["error"]["code"] == "ERR_NO_AUTH"


def test_each_listing_has_its_messages(backend: Backend) -> None:
    """All conversations, one with a user, one of a group, a thread, and a single message can be read."""
    zed, amy, bob = (backend.token(uid) for uid in ("zed-1", "amy-2", "bob-3"))
    backend.request("POST", "/messages", _HELLO, authToken=zed)
    backend.request("POST", "/messages", _HELLO | {"receiver": "hikers", "receiverType": "group"}, authToken=amy)
    backend.request("POST", "/messages", _HELLO | {"receiver": "bob-3"}, authToken=amy)
    backend.request("POST", "/messages", _HELLO | {"receiver": "zed-1", "parentId": "1"}, authToken=amy)

    def ids(path: str, token: str) -> list[str]:
        return [message["id"] for message in backend.request("GET", path, authToken=token)[1]["data"]]

    assert ids("/messages", zed) == ["1", "2", "4"]
    assert ids("/messages", bob) == ["3"]
    assert ids("/messages?id=1&affix=append", zed) == ["2", "4"]
    assert ids("/users/amy-2/messages", zed) == ["1", "4"]
    assert ids("/groups/hikers/messages", zed) == ["2"]
    assert ids("/messages/1/thread", zed) == ["4"]
    assert backend.request("GET", "/messages/1", authToken=amy)[1]["data"]["id"] == "1"
    assert backend.request("GET", "/messages/1", authToken=bob)[0] == 404


def test_a_text_mentions_users(backend: Backend) -> None:
    """Those that exist, in the answer, the frame and on pages; what the client sends as mentions is ignored."""
    amy = backend.device("amy-2")
    zed = {"authToken": backend.token("zed-1")}
    data = {"text": "<@uid:amy-2> <@uid:nobody> <@uid:amy-2>", "mentions": 7}
    sent = backend.request("POST", "/messages", {**_HELLO, "data": data}, **zed)[1]["data"]
    assert {uid: user["name"] for uid, user in sent["data"]["mentions"].items()} == {"amy-2": "Amy 2"}
    assert backend.outbox(amy)[0]["body"] == sent
    (page,) = backend.request("GET", "/messages", authToken=backend.token("amy-2"))[1]["data"]
    assert (list(page["data"]["mentions"]), page["hasMentionedMe"]) == (["amy-2"], True)
    backend.request("PUT", "/messages/1", {"data": {"metadata": {"a": 1}}}, **zed)
    assert list(backend.request("GET", "/messages/1", **zed)[1]["data"]["data"]["mentions"]) == ["amy-2"]
    backend.request("PUT", "/messages/1", {"data": {"text": "nobody"}}, **zed)
    (edited,) = (m for m in backend.request("GET", "/messages", **zed)[1]["data"] if m["id"] == "1")
    assert edited["data"]["mentions"] == {}


def test_a_message_quotes_another(backend: Backend) -> None:
    """The whole one, without what that one quotes; a message of others cannot be quoted."""
    amy = backend.device("amy-2")
    for number, quoted in enumerate(("", "1", "2")):
        body = {**_HELLO, "data": {"text": str(number)}, "quotedMessageId": quoted, "quotedMessage": {"id": "made up"}}
        sent = backend.request("POST", "/messages", body, authToken=backend.token("zed-1"))[1]["data"]
    assert (sent["quotedMessageId"], sent["quotedMessage"]["data"]["text"]) == ("2", "1")
    assert "quotedMessage" not in sent["quotedMessage"]
    assert backend.outbox(amy)[-1]["body"] == sent
    for quoted in ("99", {"id": "1"}):
        body = {**_HELLO, "receiver": "amy-2", "quotedMessageId": quoted}
        assert backend.request("POST", "/messages", body, authToken=backend.token("bob-3"))[0] == 404


@pytest.mark.parametrize("parent", [True, [7], {"id": 1}, 1.5])
def test_the_parent_of_a_reply_is_an_id(backend: Backend, parent: Any) -> None:
    """Other values are refused."""
    body = {**_HELLO, "parentId": parent}
    assert backend.request("POST", "/messages", body, authToken=backend.token("zed-1"))[0] == 400


def test_two_messages_may_have_one_muid(backend: Backend) -> None:
    """The server keeps it and does not compare it."""
    ids = [
        backend.request("POST", "/messages", {**_HELLO, "muid": "m"}, authToken=backend.token("zed-1"))[1]["data"]["id"]
        for _ in range(2)
    ]
    listed = backend.request("GET", "/messages", authToken=backend.token("zed-1"))[1]["data"]
    assert [(message["id"], message["muid"]) for message in listed] == [(number, "m") for number in ids]


@pytest.mark.parametrize("kind", ["image", "audio", "video", "file"])
def test_a_media_message_needs_a_file(backend: Backend, kind: str) -> None:
    """A URL or attachments."""
    draft, token = {**_HELLO, "type": kind}, backend.token("zed-1")
    statuses = [
        backend.request("POST", "/messages", {**draft, "data": data}, authToken=token)[0]
        for data in ({}, {"url": "http://a"}, {"attachments": [{"url": "http://a"}]})
    ]
    assert statuses == [400, 200, 200]
