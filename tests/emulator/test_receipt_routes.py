"""`cometconn.emulator.backend.receipt_routes`, and receipts by frame: what is noted, and who hears of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from cometconn._wire.decoder import decode

if TYPE_CHECKING:
    from cometconn.emulator import Device

    from .conftest import Village


def say(village: Village, sender: str, receiver: str, kind: str = "user") -> dict[str, Any]:
    """Have a message sent."""
    draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": "x"}}
    return village.world.post(sender, draft)


def arrives(village: Village, device: Device, uid: str) -> list[Any]:
    """Give the events that a client of *uid* makes of what waits for it."""
    return [decode(json.dumps(frame), own_uid=uid, session_id="mine") for frame in village.outbox(device)]


def mark(village: Village, uid: str, path: str, **body: object) -> tuple[int, Any]:
    """Mark a conversation by REST."""
    return village.ask("POST", path, body, authToken=village.token(uid))


@pytest.mark.parametrize(("action", "kind"), [("read", events.MessagesRead), ("delivered", events.MessagesDelivered)])
def test_the_author_hears_of_it(village: Village, action: str, kind: type) -> None:
    """A receipt by REST is like one by frame; the message says when."""
    zed = village.device("zed-1")
    message = say(village, "zed-1", "amy-2")
    village.outbox(zed)
    assert mark(village, "amy-2", f"/users/zed-1/conversation/{action}", messageId=int(message["id"]))[0] == 200
    (event,) = arrives(village, zed, "zed-1")
    assert isinstance(event, kind)
    assert (event.message_id, event.sender.uid) == (1, "amy-2")  # type: ignore[attr-defined]
    assert message[f"{action}At"] == message["deliveredAt"] == 1_800_000_000


@pytest.mark.parametrize(
    ("action", "one", "everybody"),
    [
        ("read", events.MessagesRead, events.MessagesReadByAll),
        ("delivered", events.MessagesDelivered, events.MessagesDeliveredToAll),
    ],
)
def test_in_a_group_the_last_one_makes_it_all(village: Village, action: str, one: type, everybody: type) -> None:
    """Each member's receipt is told; after the last one, once, that it is everybody's."""
    village.world.groups["hikers"].members["bob-3"] = "participant"
    zed, path = village.device("zed-1"), f"/groups/hikers/conversation/{action}"
    message = say(village, "zed-1", "hikers", "group")
    village.outbox(zed)
    mark(village, "amy-2", path, messageId="1")
    assert [type(event) for event in arrives(village, zed, "zed-1")] == [one]
    assert f"{action}At" not in message
    mark(village, "bob-3", path, messageId="1")
    receipt, to_all = arrives(village, zed, "zed-1")
    assert (type(receipt), type(to_all)) == (one, everybody)
    assert (to_all.message_id, to_all.receiver.guid) == (1, "hikers")
    assert message[f"{action}At"] == 1_800_000_000
    mark(village, "bob-3", path, messageId="1")
    assert [type(event) for event in arrives(village, zed, "zed-1")] == [one]


def test_without_a_message_the_whole_conversation_is_marked(village: Village) -> None:
    """Up to the last message that somebody else wrote, whose author hears of it; an empty one is fine."""
    path = "/users/amy-2/conversation/read"
    assert mark(village, "zed-1", path)[0] == 200
    first, second = say(village, "amy-2", "zed-1"), say(village, "amy-2", "zed-1")
    mine, amy = say(village, "zed-1", "amy-2"), village.device("amy-2")
    assert mark(village, "zed-1", path)[0] == 200
    (event,) = arrives(village, amy, "amy-2")
    assert event.message_id == 2
    assert "readAt" in first
    assert "readAt" in second
    assert "readAt" not in mine


def test_receipts_by_frame_are_noted_too(village: Village) -> None:
    """The author gets the relayed receipt and that it was the last; the message says when."""
    message = say(village, "zed-1", "hikers", "group")
    zed, amy = village.device("zed-1"), village.device("amy-2")
    frame = {
        "type": "receipts",
        "receiver": "hikers",
        "receiverType": "group",
        "messageSender": "zed-1",
        "body": {"action": "read", "messageId": "1"},
    }
    village.world.received(amy, json.dumps(frame))
    assert [type(event) for event in arrives(village, zed, "zed-1")] == [events.MessagesRead, events.MessagesReadByAll]
    assert message["readAt"] == 1_800_000_000


@pytest.mark.parametrize(
    "body",
    [
        {"action": ["read"], "messageId": "1"},
        {"action": "burnt", "messageId": "1"},
        {"action": "read", "messageId": {}},
        {"action": "read", "messageId": "9" * 5000},
        {"action": "read", "messageId": "2"},
    ],
)
def test_strange_receipts_by_frame_change_nothing(village: Village, body: dict[str, Any]) -> None:
    """Nonsense, unknown messages, and those of other people's conversations."""
    say(village, "zed-1", "amy-2")
    other, amy = say(village, "zed-1", "bob-3"), village.device("amy-2")
    frame = {"type": "receipts", "receiver": "zed-1", "receiverType": "user", "body": body}
    village.world.received(amy, json.dumps(frame))
    assert not amy.gone
    assert not village.world.messages.receipts.reached(other, "amy-2", "read")
    assert not any("readAt" in message for message in village.world.messages)


@pytest.mark.parametrize(
    ("path", "number", "code"),
    [
        ("/users/amy-2/conversation/read", "99", "ERR_MESSAGE_ID_NOT_FOUND"),
        ("/users/amy-2/conversation/read", "2", "ERR_MESSAGE_ID_NOT_FOUND"),
        ("/groups/hikers/conversation/read", "1", "ERR_MESSAGE_ID_NOT_FOUND"),
        ("/users/nobody/conversation/read", "1", "ERR_UID_NOT_FOUND"),
        ("/groups/nowhere/conversation/read", "1", "ERR_GUID_NOT_FOUND"),
    ],
)
def test_the_message_must_be_of_that_conversation(village: Village, path: str, number: str, code: str) -> None:
    """Otherwise the request is refused."""
    say(village, "amy-2", "zed-1")
    say(village, "zed-1", "bob-3")
    status, answer = mark(village, "zed-1", path, messageId=number)
    assert (status, answer["error"]["code"]) == (404, code)
