"""Frames of events made by hand; `test_event_strategies` checks those of drawn events."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from cometconn.errors import DecodeError, SettingsError
from cometconn.events import (
    AIAssistantMessage,
    CustomMessage,
    Event,
    Group,
    MessageDeleted,
    MessageEdited,
    MessageModerated,
    MessagePinned,
    TextMessage,
    TypingStarted,
    UnknownEvent,
    UnreadableFrame,
    User,
    UserOnline,
)
from cometconn.testing import to_frame
from tests.received import received_one

AMY, HIKERS = User("amy-2", name="Amy"), Group("hikers")
GOLDEN = {
    f"{path.stem} {example['name']}": example["frame"]
    for path in sorted((pathlib.Path(__file__).parents[1] / "golden").glob("s2c-*.json"))
    for example in json.loads(path.read_text(encoding="utf-8"))
    if path.stem != "s2c-auth_and_pong"
}
HELLO = TextMessage(id=7, sender=AMY, receiver=HIKERS, category="message", type="text", text="hello")


def test_a_frame_looks_as_servers_send_it() -> None:
    """Envelope, body and entities are CometChat's; ids are texts; attributes with their default are absent."""
    frame: Any = to_frame(HELLO)
    assert (frame["type"], frame["receiver"], frame["receiverType"]) == ("message", "hikers", "group")
    body = frame["body"]
    assert (body["id"], body["category"], body["type"], body["data"]["text"]) == ("7", "message", "text", "hello")
    assert body["data"]["entities"]["sender"]["entity"]["name"] == "Amy"
    assert body["data"]["entities"]["receiver"]["entityType"] == "group"
    assert "sentAt" not in body


@pytest.mark.parametrize("kind", [MessageEdited, MessageDeleted])
def test_a_change_contains_the_whole_message(kind: type[Any]) -> None:
    """The frame of an edit or a deletion is an action on the message."""
    change = kind(message=HELLO, by=AMY, id=8)
    frame: Any = to_frame(change)
    entities = frame["body"]["data"]["entities"]
    assert {role: entity["entityType"] for role, entity in entities.items()} == {
        "on": "message",
        "by": "user",
        "for": "group",
    }
    assert (frame["body"]["type"], frame["receiver"]) == ("message", "hikers")
    assert received_one(frame) == change


def test_the_frame_of_an_event_without_attributes_is_its_raw() -> None:
    """An unknown event's frame is a copy of `raw`, an unreadable text is unchanged; a binary frame is refused."""
    raw = {"type": "new", "body": {"a": [1]}}
    frame: Any = to_frame(UnknownEvent("new", raw))
    assert frame == raw
    frame["body"]["a"].append(2)
    assert raw == {"type": "new", "body": {"a": [1]}}
    assert to_frame(UnreadableFrame("x", DecodeError("no"))) == "x"
    with pytest.raises(SettingsError, match="UnreadableFrame"):
        to_frame(UnreadableFrame(b"x", DecodeError("no")))


def pairs(value: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key in a frame, after the key of the object that contains it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield above, key
            yield from pairs(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from pairs(item, above)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_frame_can_be_made_from_its_event(name: str) -> None:
    """The frame decodes to the same event, and has no key that no golden frame has at that place."""
    event = received_one(GOLDEN[name])
    frame = to_frame(event)
    assert isinstance(event, Event)
    assert received_one(frame) == event
    assert set(pairs(frame)) <= {pair for golden in GOLDEN.values() for pair in pairs(golden)}


def test_attributes_with_their_default_are_absent() -> None:
    """The frame contains no key for them."""
    frame: Any = to_frame(TextMessage(id=7, sender=AMY, receiver=HIKERS, category="message", type="text"))
    assert frame["body"] == {
        "id": "7",
        "category": "message",
        "type": "text",
        "sender": "amy-2",
        "receiver": "hikers",
        "receiverType": "group",
        "data": {
            "entities": {
                "sender": {"entityType": "user", "entity": {"uid": "amy-2", "name": "Amy"}},
                "receiver": {"entityType": "group", "entity": {"guid": "hikers"}},
            }
        },
    }


def test_a_signal_has_its_receiver_in_the_envelope() -> None:
    """It describes only its sender."""
    frame = to_frame(TypingStarted(sender=AMY, receiver=HIKERS))
    assert frame == {
        "appId": "APP",
        "type": "typing_indicator",
        "deviceId": "elsewhere",
        "sender": "amy-2",
        "receiver": "hikers",
        "receiverType": "group",
        "body": {"action": "started", "user": {"uid": "amy-2", "name": "Amy"}},
    }


def test_the_frames_of_moderation_and_pins_contain_the_message() -> None:
    """The decision of moderation is inside the message; a pinned message is inside the body."""
    moderated: Any = to_frame(MessageModerated(message=HELLO, status="approved"))
    assert (moderated["sender"], moderated["receiver"]) == ("amy-2", "hikers")
    assert moderated["body"]["data"]["moderation"] == {"status": "approved"}
    assert moderated["body"]["data"]["text"] == "hello"
    pin: Any = to_frame(MessagePinned(message=HELLO))
    assert (pin["type"], pin["sender"], pin["body"]["message"]["id"]) == ("message_pinned", "amy-2", "7")


def test_when_a_user_was_last_active_is_in_two_places() -> None:
    """It is in the user's description, and is the timestamp of the frame."""
    seen: Any = received_one(GOLDEN["s2c-presence online"])
    assert isinstance(seen, UserOnline)
    frame: Any = to_frame(seen)
    assert (
        frame["body"]["timestamp"]
        == frame["body"]["user"]["lastActiveAt"]
        == GOLDEN["s2c-presence online"]["body"]["timestamp"]
    )


@pytest.mark.parametrize(("category", "kind"), [("custom", "location"), ("message", "custom"), ("custom", "")])
def test_an_event_with_several_rows_gets_the_one_with_its_words(category: str, kind: str) -> None:
    """A custom message can have either category."""
    message = CustomMessage(id=7, sender=AMY, receiver=HIKERS, category=category, type=kind)
    frame: Any = to_frame(message)
    assert (frame["body"]["category"], frame["body"].get("type", "")) == (category, kind)
    assert received_one(frame) == message


def test_a_message_that_is_quoted_by_its_id_only() -> None:
    """The frame contains the id outside of the quoted message, because an incomplete message could not be decoded."""
    message = TextMessage(id=7, sender=AMY, receiver=HIKERS, category="message", type="text", quoted_message_id=4)
    frame: Any = to_frame(message)
    assert frame["body"]["quotedMessageId"] == "4"
    assert "quotedMessage" not in frame["body"]
    assert received_one(frame) == message


def test_attributes_replace_what_data_made_by_hand_contains() -> None:
    """Attributes that are inside the data of an agent's message replace other values at their place."""
    message = AIAssistantMessage(
        id=7,
        sender=AMY,
        receiver=HIKERS,
        category="agentic",
        type="assistant",
        run_id="run-1",
        moderation_status="approved",
        data={"runId": 5, "moderation": 5, "more": [1]},
    )
    data = received_one(to_frame(message)).data
    assert (data["runId"], data["moderation"], data["more"]) == ("run-1", {"status": "approved"}, [1])
