"""`cometconn.emulator.backend.realtime`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn.emulator import Close, Kind

if TYPE_CHECKING:
    from .conftest import Village


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
def test_pings_are_answered(village: Village, ping: dict[str, str], pong: dict[str, str]) -> None:
    """A pong echoes the ping's `ack`, where it has one."""
    device = village.device("zed-1")

    village.world.received(device, json.dumps(ping))

    assert village.outbox(device) == [pong]


def test_auth_is_answered_in_the_documented_shape(village: Village) -> None:
    """The code is a text, the status OK, and the session id is echoed."""
    device = village.device()
    jwt = village.world.sessions.jwt_for(village.token("zed-1"))

    frame = {"appId": "APP", "type": "auth", "sender": "zed-1", "deviceId": "d-1", "body": {"auth": jwt}}
    village.world.received(device, json.dumps(frame))

    assert village.outbox(device) == [
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
    assert village.world.connections("zed-1") == 1


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
def test_a_bad_auth_frame_is_refused_and_closed(village: Village, change: dict[str, Any]) -> None:
    """A bad JWT, another user's, or another app's is answered 401 and closed with 4401."""
    device = village.device()
    jwt = village.world.sessions.jwt_for(village.token("zed-1"))

    frame = {"appId": "APP", "type": "auth", "sender": "zed-1", "deviceId": "d", "body": {"auth": jwt}} | change
    village.world.received(device, json.dumps(frame))

    reply, goodbye = village.outbox(device)
    assert reply["body"] == {"code": "401", "status": "ERROR"}
    assert isinstance(goodbye, Close)
    assert goodbye.code == 4401
    assert village.world.connections("zed-1") == 0
    assert village.world.log.of(Kind.AUTH)[-1].detail["outcome"] == "refused"


def test_a_socket_cannot_change_its_user(village: Village) -> None:
    """A second auth frame, of another user, is refused."""
    device = village.device("zed-1")
    jwt = village.world.sessions.jwt_for(village.token("amy-2"))

    frame = {"type": "auth", "sender": "amy-2", "body": {"auth": jwt}}
    village.world.received(device, json.dumps(frame))

    assert village.outbox(device)[0]["body"]["code"] == "401"
    assert device.uid == "zed-1"


def test_presence_follows_the_first_and_the_last_device(village: Village) -> None:
    """A user is online from the first device to the last, whatever happens between."""
    watcher = village.device("zed-1", presenceSubscription="ALL_USERS")

    first, second = village.device("amy-2", "d1"), village.device("amy-2", "d2")
    came = village.outbox(watcher)
    assert [(frame["type"], frame["body"]["action"]) for frame in came] == [("presence", "online")]
    assert came[0]["body"]["user"]["status"] == "online"

    village.world.closed(first, "eof")
    assert village.outbox(watcher) == []
    village.world.closed(second, "eof")
    (went,) = village.outbox(watcher)
    assert (went["sender"], went["body"]["action"], went["body"]["timestamp"]) == ("amy-2", "offline", 1_800_000_000)
    assert went["body"]["user"]["lastActiveAt"] == 1_800_000_000


@pytest.mark.parametrize(
    ("body", "told"),
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
def test_presence_is_told_as_subscribed(village: Village, body: dict[str, Any], told: bool) -> None:
    """Only who subscribed to everybody, to the user's role, or is a friend, is told."""
    village.world.people["amy-2"].role = "vip"
    village.world.people["zed-1"].friends.add("amy-2")
    watcher = village.device("zed-1", **body)

    village.device("amy-2")

    assert bool(village.outbox(watcher)) is told


def test_strangers_are_not_friends(village: Village) -> None:
    """FRIENDS is about the user's own friends, and nobody is told of himself."""
    watcher = village.device("zed-1", presenceSubscription="FRIENDS")
    itself = village.device("bob-3", "d1", presenceSubscription="ALL_USERS")

    village.device("bob-3", "d2")
    village.device("amy-2")

    assert village.outbox(watcher) == []
    assert [frame["sender"] for frame in village.outbox(itself)] == ["amy-2"]


def test_typing_is_relayed_in_the_true_name(village: Village) -> None:
    """Whoever the frame claims to be from, it goes out under the authenticated user."""
    sender, receiver = village.device("zed-1", "d-z"), village.device("amy-2")

    forged: dict[str, Any] = {
        "sender": "bob-3",
        "body": {"action": "started", "user": {"uid": "bob-3"}, "metadata": {"k": 1}},
    }
    village.world.received(sender, _typing("amy-2", **forged))

    (frame,) = village.outbox(receiver)
    assert (frame["type"], frame["sender"], frame["deviceId"]) == ("typing_indicator", "zed-1", "d-z")
    assert (frame["body"]["user"]["uid"], frame["body"]["metadata"]) == ("zed-1", {"k": 1})
    assert village.outbox(sender) == []


def test_transient_messages_reach_the_group(village: Village) -> None:
    """Every member gets it, on every device; the sender and strangers do not."""
    sender, other = village.device("zed-1"), village.device("bob-3")
    members = [village.device("amy-2", "d1"), village.device("amy-2", "d2")]

    frame = {"type": "transient_message", "receiver": "hikers", "receiverType": "group", "body": {"data": {"k": 1}}}
    village.world.received(sender, json.dumps(frame))

    assert [village.outbox(member)[0]["body"]["data"] for member in members] == [{"k": 1}, {"k": 1}]
    assert village.outbox(sender) == village.outbox(other) == []


def test_receipts_get_a_time_and_go_to_the_author(village: Village) -> None:
    """In a group, only who wrote the message learns who read it; without a name all members do."""
    village.world.groups["hikers"].members["bob-3"] = "participant"
    sender, author, other = (village.device(uid) for uid in ("zed-1", "amy-2", "bob-3"))
    frame = {
        "type": "receipts",
        "receiver": "hikers",
        "receiverType": "group",
        "body": {"action": "read", "messageId": "1"},
    }

    village.world.received(sender, json.dumps(frame | {"messageSender": "amy-2"}))

    (receipt,) = village.outbox(author)
    assert (receipt["messageSender"], receipt["body"]["messageId"]) == ("amy-2", "1")
    assert receipt["body"]["timestamp"] == 1_800_000_000
    assert village.outbox(other) == []
    village.world.received(sender, json.dumps(frame))
    assert len(village.outbox(author)) == len(village.outbox(other)) == 1


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
def test_what_cannot_be_acted_upon_is_ignored(village: Village, text: str, why: str) -> None:
    """The socket stays, nobody gets anything, and the log tells why."""
    village.world.add_group("night", ["bob-3"])
    device, other = village.device("zed-1"), village.device("amy-2")

    village.world.received(device, text)

    assert village.outbox(device) == village.outbox(other) == []
    assert village.world.log.of(Kind.IGNORED)[-1].detail["why"] == why


def test_nothing_is_relayed_before_authentication(village: Village) -> None:
    """A socket that has not proved who it is speaks for nobody."""
    device, other = village.device(), village.device("amy-2")

    village.world.received(device, _typing("amy-2"))

    assert village.outbox(other) == []
    assert village.world.log.of(Kind.IGNORED)[-1].detail["why"] == "not authenticated"
