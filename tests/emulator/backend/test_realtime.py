"""`cometconn.emulator.backend.realtime`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn.emulator import Close, Kind

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


def _typing(receiver: str, receiver_type: str = "user", **fields: Any) -> str:
    frame = {
        "type": "typing_indicator",
        "receiver": receiver,
        "receiverType": receiver_type,
        "body": {"action": "started"},
    }
    return json.dumps(frame | fields)


@pytest.mark.parametrize(
    ("ping", "pong"),
    [({"action": "ping", "ack": "true"}, {"action": "pong", "ack": "true"}), ({"action": "ping"}, {"action": "pong"})],
)
def test_pings_are_answered(backend: Backend, ping: dict[str, str], pong: dict[str, str]) -> None:
    """A pong echoes the ping's `ack`, where it has one."""
    device = backend.device("zed-1")

    backend.world.received(device, json.dumps(ping))

    assert backend.outbox(device) == [pong]


def test_auth_is_answered_in_the_documented_shape(backend: Backend) -> None:
    """The code is a text, the status is OK, and the session id is that of the request."""
    device = backend.device()
    jwt = backend.world.sessions.jwt_for(backend.token("zed-1"))

    frame = {"appId": "APP", "type": "auth", "sender": "zed-1", "deviceId": "d-1", "body": {"auth": jwt}}
    backend.world.received(device, json.dumps(frame))

    assert backend.outbox(device) == [
        {
            "appId": "APP",
            "receiver": "",
            "receiverType": "",
            "sender": "zed-1",
            "deviceId": "d-1",
            "type": "auth",
            "body": {"code": "200", "status": "OK"},
        }
    ]
    assert backend.world.connections("zed-1") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"auth": "made up"}},
        {"body": {"auth": ["a list"]}},
        {"body": {}},
        {"body": "text"},
        {"sender": "amy-2"},
        {"sender": "nobody"},
        {"appId": "OTHER"},
    ],
)
def test_a_bad_auth_frame_is_refused_and_closed(backend: Backend, change: dict[str, Any]) -> None:
    """A bad JWT, another user's, or another app's is answered with 401 and a close frame with 4401."""
    device = backend.device()
    jwt = backend.world.sessions.jwt_for(backend.token("zed-1"))

    frame = {"appId": "APP", "type": "auth", "sender": "zed-1", "deviceId": "d", "body": {"auth": jwt}} | change
    backend.world.received(device, json.dumps(frame))

    reply, close = backend.outbox(device)
    assert reply["body"] == {"code": "401", "status": "ERROR"}
    assert isinstance(close, Close)
    assert close.code == 4401
    assert backend.world.connections("zed-1") == 0
    assert backend.world.log.of(Kind.AUTH)[-1].detail["outcome"] == "refused"


def test_a_socket_cannot_change_its_user(backend: Backend) -> None:
    """A second auth frame, of another user, is refused."""
    device = backend.device("zed-1")
    jwt = backend.world.sessions.jwt_for(backend.token("amy-2"))

    frame = {"type": "auth", "sender": "amy-2", "body": {"auth": jwt}}
    backend.world.received(device, json.dumps(frame))

    assert backend.outbox(device)[0]["body"]["code"] == "401"
    assert device.uid == "zed-1"


def test_presence_follows_the_first_and_the_last_device(backend: Backend) -> None:
    """A user is online from the first device to the last."""
    watcher = backend.device("zed-1", presenceSubscription="ALL_USERS")

    first, second = backend.device("amy-2", "d1"), backend.device("amy-2", "d2")
    came = backend.outbox(watcher)
    assert [(frame["type"], frame["body"]["action"]) for frame in came] == [("presence", "online")]
    assert came[0]["body"]["user"]["status"] == "online"

    backend.world.closed(first, "eof")
    assert backend.outbox(watcher) == []
    backend.world.closed(second, "eof")
    (went,) = backend.outbox(watcher)
    assert (went["sender"], went["body"]["action"], went["body"]["timestamp"]) == ("amy-2", "offline", 1_800_000_000)
    assert went["body"]["user"]["lastActiveAt"] == 1_800_000_000


@pytest.mark.parametrize(
    ("body", "subscribed"),
    [
        ({"presenceSubscription": "ALL_USERS"}, True),
        ({"presenceSubscription": "NONE"}, False),
        ({}, False),
        ({"presenceSubscription": ["ALL_USERS"]}, False),
        ({"presenceSubscription": "ROLES", "roles": ["vip", 7]}, True),
        ({"presenceSubscription": "ROLES", "roles": ["staff"]}, False),
        ({"presenceSubscription": "ROLES", "roles": "vip"}, False),
        ({"presenceSubscription": "FRIENDS"}, True),
    ],
)
def test_presence_goes_to_its_subscribers(backend: Backend, body: dict[str, Any], subscribed: bool) -> None:
    """The frame goes to devices that subscribed to all users, to the user's role, or to friends who include the user."""
    backend.world.people["amy-2"].role = "vip"
    backend.world.people["zed-1"].friends.add("amy-2")
    watcher = backend.device("zed-1", **body)

    backend.device("amy-2")

    assert bool(backend.outbox(watcher)) is subscribed


def test_friends_are_the_users_own(backend: Backend) -> None:
    """`FRIENDS` covers the user's own friends only, and no device gets the presence of its own user."""
    watcher = backend.device("zed-1", presenceSubscription="FRIENDS")
    itself = backend.device("bob-3", "d1", presenceSubscription="ALL_USERS")

    backend.device("bob-3", "d2")
    backend.device("amy-2")

    assert backend.outbox(watcher) == []
    assert [frame["sender"] for frame in backend.outbox(itself)] == ["amy-2"]


def test_typing_is_relayed_with_the_authenticated_sender(backend: Backend) -> None:
    """The relayed frame has the authenticated user as its sender, whatever the frame claims."""
    sender, receiver = backend.device("zed-1", "d-z"), backend.device("amy-2")

    forged: dict[str, Any] = {
        "sender": "bob-3",
        "body": {"action": "started", "user": {"uid": "bob-3"}, "metadata": {"k": 1}},
    }
    backend.world.received(sender, _typing("amy-2", **forged))

    (frame,) = backend.outbox(receiver)
    assert (frame["type"], frame["sender"], frame["deviceId"]) == ("typing_indicator", "zed-1", "d-z")
    assert (frame["body"]["user"]["uid"], frame["body"]["metadata"]) == ("zed-1", {"k": 1})
    assert backend.outbox(sender) == []


def test_transient_messages_reach_the_group(backend: Backend) -> None:
    """Every device of every member gets it; the sender's and those of other users do not."""
    sender, other = backend.device("zed-1"), backend.device("bob-3")
    members = [backend.device("amy-2", "d1"), backend.device("amy-2", "d2")]

    frame = {"type": "transient_message", "receiver": "hikers", "receiverType": "group", "body": {"data": {"k": 1}}}
    backend.world.received(sender, json.dumps(frame))

    assert [backend.outbox(member)[0]["body"]["data"] for member in members] == [{"k": 1}, {"k": 1}]
    assert backend.outbox(sender) == backend.outbox(other) == []


def test_receipts_get_a_time_and_go_to_the_author(backend: Backend) -> None:
    """In a group, only the author that the frame names gets the receipt; without a name all members do."""
    backend.world.groups["hikers"].members["bob-3"] = "participant"
    sender, author, other = (backend.device(uid) for uid in ("zed-1", "amy-2", "bob-3"))
    frame = {
        "type": "receipts",
        "receiver": "hikers",
        "receiverType": "group",
        "body": {"action": "read", "messageId": "1"},
    }

    backend.world.received(sender, json.dumps(frame | {"messageSender": "amy-2"}))

    (receipt,) = backend.outbox(author)
    assert (receipt["messageSender"], receipt["body"]["messageId"]) == ("amy-2", "1")
    assert receipt["body"]["timestamp"] == 1_800_000_000
    assert backend.outbox(other) == []
    backend.world.received(sender, json.dumps(frame))
    assert len(backend.outbox(author)) == len(backend.outbox(other)) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("garbage", "not a JSON object"),
        ('{"type": ["typing_indicator"]}', "unknown type"),
        ('{"type": "presence"}', "unknown type"),
        (_typing("nobody"), "no such receiver"),
        (_typing("strangers", "group"), "no such receiver"),
        (_typing("night", "group"), "no such receiver"),
        (_typing("amy-2", "planet"), "no such receiver"),
        (_typing("amy-2", body="text"), "no body"),
    ],
)
def test_what_cannot_be_acted_upon_is_ignored(backend: Backend, text: str, why: str) -> None:
    """The socket stays, no frame is sent, and the log has the reason."""
    backend.world.add_group("night", ["bob-3"])
    device, other = backend.device("zed-1"), backend.device("amy-2")

    backend.world.received(device, text)

    assert backend.outbox(device) == backend.outbox(other) == []
    assert backend.world.log.of(Kind.IGNORED)[-1].detail["why"] == why


def test_nothing_is_relayed_before_authentication(backend: Backend) -> None:
    """Frames of a socket that has not authenticated are ignored."""
    device, other = backend.device(), backend.device("amy-2")

    backend.world.received(device, _typing("amy-2"))

    assert backend.outbox(other) == []
    assert backend.world.log.of(Kind.IGNORED)[-1].detail["why"] == "not authenticated"
