"""From an event made by hand to its frame; what can be drawn is held to it in `test_event_strategies`."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from cometconn._wire.decoder import decode
from cometconn.errors import DecodeError, SettingsError
from cometconn.events import (
    AIAssistantEvent,
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

AMY, HIKERS = User("amy-2", name="Amy"), Group("hikers")
GOLDEN = {
    f"{path.stem} {example['name']}": example["frame"]
    for path in sorted((pathlib.Path(__file__).parents[1] / "golden").glob("s2c-*.json"))
    for example in json.loads(path.read_text(encoding="utf-8"))
    if path.stem != "s2c-auth_and_pong"
}
HELLO = TextMessage(id=7, sender=AMY, receiver=HIKERS, category="message", type="text", text="hello")


def test_a_frame_looks_as_servers_send_it() -> None:
    """Envelope, body and entities as CometChat lays them out; ids as text; what is not told is not there."""
    frame: Any = to_frame(HELLO)
    assert (frame["type"], frame["receiver"], frame["receiverType"]) == ("message", "hikers", "group")
    body = frame["body"]
    assert (body["id"], body["category"], body["type"], body["data"]["text"]) == ("7", "message", "text", "hello")
    assert body["data"]["entities"]["sender"]["entity"]["name"] == "Amy"
    assert body["data"]["entities"]["receiver"]["entityType"] == "group"
    assert "sentAt" not in body


@pytest.mark.parametrize("kind", [MessageEdited, MessageDeleted])
def test_a_change_holds_the_whole_message(kind: type[Any]) -> None:
    """An edit or a deletion is an action on it."""
    change = kind(message=HELLO, by=AMY, id=8)
    frame: Any = to_frame(change)
    assert frame["body"]["data"]["entities"]["on"]["entityType"] == "message"
    assert decode(json.dumps(frame), own_uid="zed-1", session_id=None) == change


def test_what_has_nothing_but_its_raw_is_that() -> None:
    """Unknown kinds as a copy, unreadable text as it is; a binary frame is none that can be pushed."""
    raw = {"type": "new", "body": {"a": [1]}}
    frame: Any = to_frame(UnknownEvent("new", raw))
    assert frame == raw
    frame["body"]["a"].append(2)
    assert raw == {"type": "new", "body": {"a": [1]}}
    assert to_frame(UnreadableFrame("x", DecodeError("no"))) == "x"
    with pytest.raises(SettingsError, match="UnreadableFrame"):
        to_frame(UnreadableFrame(b"x", DecodeError("no")))


def read(frame: Any) -> Any:
    """What the client makes of a frame."""
    return decode(json.dumps(frame), own_uid="zed-1", session_id=None)


def pairs(value: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Every key in a frame, with the key of the object that it stands in."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield above, key
            yield from pairs(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from pairs(item, above)


@pytest.mark.parametrize("name", GOLDEN)
def test_what_comet_chat_sends_can_be_made_again(name: str) -> None:
    """The event of a golden frame makes a frame of the same event, with no key that no golden frame has there."""
    event = read(GOLDEN[name])
    frame = to_frame(event)
    assert isinstance(event, Event)
    assert read(frame) == event
    assert set(pairs(frame)) <= {pair for golden in GOLDEN.values() for pair in pairs(golden)}


def test_what_is_not_told_is_not_there() -> None:
    """An attribute that has its default has no place in the frame."""
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


def test_a_signal_tells_where_it_goes_in_the_envelope() -> None:
    """And describes nobody but the one it is from."""
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


def test_a_verdict_and_a_pin_stand_around_the_message() -> None:
    """What moderation says stands in the message; a pinned message stands in the body."""
    verdict: Any = to_frame(MessageModerated(message=HELLO, status="approved"))
    assert (verdict["sender"], verdict["receiver"]) == ("amy-2", "hikers")
    assert verdict["body"]["data"]["moderation"] == {"status": "approved"}
    assert verdict["body"]["data"]["text"] == "hello"
    pin: Any = to_frame(MessagePinned(message=HELLO))
    assert (pin["type"], pin["sender"], pin["body"]["message"]["id"]) == ("message_pinned", "amy-2", "7")


def test_when_a_user_was_last_active_is_told_twice() -> None:
    """By the user's own description, and as the time of the news."""
    seen: Any = read(GOLDEN["s2c-presence online"])
    assert isinstance(seen, UserOnline)
    frame: Any = to_frame(seen)
    assert (
        frame["body"]["timestamp"]
        == frame["body"]["user"]["lastActiveAt"]
        == GOLDEN["s2c-presence online"]["body"]["timestamp"]
    )


@pytest.mark.parametrize(("category", "kind"), [("custom", "location"), ("message", "custom")])
def test_of_several_rows_the_one_with_the_words_of_the_event_counts(category: str, kind: str) -> None:
    """A custom message comes under either category."""
    message = CustomMessage(id=7, sender=AMY, receiver=HIKERS, category=category, type=kind)
    frame: Any = to_frame(message)
    assert (frame["body"]["category"], frame["body"]["type"]) == (category, kind)
    assert read(frame) == message


def test_data_made_by_hand_may_be_anything() -> None:
    """What has a place inside the data of an agent's step takes it, whatever the data has there."""
    frame: Any = to_frame(AIAssistantEvent(type="novel", data={"runId": 5, "more": [1]}, run_id="run-1"))
    assert frame["body"]["data"] == {"runId": "run-1", "more": [1]}
