"""`cometconn.emulator.backend.receipt_routes`, and receipts by frame: what is recorded, and the events that others get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from tests.received import received

if TYPE_CHECKING:
    from cometconn.emulator import Device
    from tests.emulator.conftest import Backend


def say(backend: Backend, sender: str, receiver: str, kind: str = "user") -> dict[str, Any]:
    """Send a message."""
    draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": "x"}}
    return backend.world.post(sender, draft)


def arrives(backend: Backend, device: Device, uid: str) -> list[Any]:
    """Return the events that a client of *uid* receives, one for each of its frames."""
    frames = backend.outbox(device)
    found = received(*frames, uid=uid)
    assert len(found) == len(frames)
    return found


def mark(backend: Backend, uid: str, path: str, **body: object) -> tuple[int, Any]:
    """Mark a conversation over REST."""
    return backend.request("POST", path, body, authToken=backend.token(uid))


@pytest.mark.parametrize(("action", "kind"), [("read", events.MessagesRead), ("delivered", events.MessagesDelivered)])
def test_the_author_gets_the_receipt(backend: Backend, action: str, kind: type) -> None:
    """A receipt over REST has the effect of one by frame; the message gets the time."""
    zed = backend.device("zed-1")
    message = say(backend, "zed-1", "amy-2")
    backend.outbox(zed)
    assert mark(backend, "amy-2", f"/users/zed-1/conversation/{action}", messageId=int(message["id"]))[0] == 200
    (event,) = arrives(backend, zed, "zed-1")
    assert isinstance(event, kind)
    assert (event.message_id, event.sender.uid) == (1, "amy-2")  # type: ignore[attr-defined]
    assert message[f"{action}At"] == message["deliveredAt"] == 1_800_000_000


@pytest.mark.parametrize(
    ("action", "one", "by_all"),
    [
        ("read", events.MessagesRead, events.MessagesReadByAll),
        ("delivered", events.MessagesDelivered, events.MessagesDeliveredToAll),
    ],
)
def test_in_a_group_the_last_receipt_completes_it(backend: Backend, action: str, one: type, by_all: type) -> None:
    """The author gets each member's receipt and, once, after the last one, that it is complete."""
    backend.world.groups["hikers"].members["bob-3"] = "participant"
    zed, path = backend.device("zed-1"), f"/groups/hikers/conversation/{action}"
    message = say(backend, "zed-1", "hikers", "group")
    backend.outbox(zed)
    mark(backend, "amy-2", path, messageId="1")
    assert [type(event) for event in arrives(backend, zed, "zed-1")] == [one]
    assert f"{action}At" not in message
    mark(backend, "bob-3", path, messageId="1")
    receipt, to_all = arrives(backend, zed, "zed-1")
    assert (type(receipt), type(to_all)) == (one, by_all)
    assert (to_all.message_id, to_all.receiver.guid) == (1, "hikers")
    assert message[f"{action}At"] == 1_800_000_000
    mark(backend, "bob-3", path, messageId="1")
    assert [type(event) for event in arrives(backend, zed, "zed-1")] == [one]


def test_without_a_message_the_whole_conversation_is_marked(backend: Backend) -> None:
    """It is marked up to the last message of another user, who gets the receipt; an empty one is accepted."""
    path = "/users/amy-2/conversation/read"
    assert mark(backend, "zed-1", path)[0] == 200
    first, second = say(backend, "amy-2", "zed-1"), say(backend, "amy-2", "zed-1")
    mine, amy = say(backend, "zed-1", "amy-2"), backend.device("amy-2")
    assert mark(backend, "zed-1", path)[0] == 200
    (event,) = arrives(backend, amy, "amy-2")
    assert event.message_id == 2
    assert "readAt" in first
    assert "readAt" in second
    assert "readAt" not in mine


def test_receipts_by_frame_are_recorded_too(backend: Backend) -> None:
    """The author gets the relayed receipt and that it was the last; the message gets the time."""
    message = say(backend, "zed-1", "hikers", "group")
    zed, amy = backend.device("zed-1"), backend.device("amy-2")
    frame = {
        "type": "receipts",
        "receiver": "hikers",
        "receiverType": "group",
        "messageSender": "zed-1",
        "body": {"action": "read", "messageId": "1"},
    }
    backend.world.received(amy, json.dumps(frame))
    assert [type(event) for event in arrives(backend, zed, "zed-1")] == [events.MessagesRead, events.MessagesReadByAll]
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
def test_strange_receipts_by_frame_change_nothing(backend: Backend, body: dict[str, Any]) -> None:
    """Invalid values, unknown messages, and those of conversations of other users."""
    say(backend, "zed-1", "amy-2")
    other, amy = say(backend, "zed-1", "bob-3"), backend.device("amy-2")
    frame = {"type": "receipts", "receiver": "zed-1", "receiverType": "user", "body": body}
    backend.world.received(amy, json.dumps(frame))
    assert not amy.gone
    assert not backend.world.messages.receipts.reached(other, "amy-2", "read")
    assert not any("readAt" in message for message in backend.world.messages)


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
def test_the_message_must_be_of_that_conversation(backend: Backend, path: str, number: str, code: str) -> None:
    """Otherwise the request is refused."""
    say(backend, "amy-2", "zed-1")
    say(backend, "zed-1", "bob-3")
    status, answer = mark(backend, "zed-1", path, messageId=number)
    assert (status, answer["error"]["code"]) == (404, code)
