"""`cometconn.emulator.backend.pin_routes`: what is pinned or saved, and which event others get."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from cometconn._wire.decoder import decode, decode_message

if TYPE_CHECKING:
    from .conftest import Village

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


def say(village: Village, receiver: str = "amy-2", kind: str = "user") -> str:
    """Have zed-1 send a message; give its id."""
    draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": "x"}}
    return str(village.world.post("zed-1", draft)["id"])


def ask(village: Village, method: str, path: str, uid: str = "zed-1") -> Any:
    """Ask for something from a device that is not connected; give what is answered."""
    status, answer = village.ask(method, path, authToken=village.token(uid))
    assert status == 200
    return answer["data"]


def read(frames: list[Any], uid: str) -> list[Any]:
    """What a client of *uid* makes of frames."""
    return [decode(json.dumps(frame), own_uid=uid, session_id="mine") for frame in frames]


def paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The places in a frame, but for how people are described."""
    if isinstance(value, dict) and above[-1:] not in {("entity",), ("conversationWith",)}:
        for key, item in value.items():
            yield (*above, key)
            yield from paths(item, (*above, key))


def test_a_pin_is_told_to_the_whole_conversation(village: Village) -> None:
    """The other side gets `MessagePinned`, then `MessageUnpinned`; the stored message has when and by whom."""
    amy, number = village.device("amy-2"), say(village)
    village.outbox(amy)
    assert ask(village, "POST", f"/messages/{number}/pin")["pinnedBy"] == "zed-1"
    stored: Any = village.world.messages.get(number)
    assert (stored["pinnedAt"], stored["pinnedBy"]) == (village.world.now(), "zed-1")
    (pinned,) = read(village.outbox(amy), "amy-2")
    assert isinstance(pinned, events.MessagePinned)
    assert (pinned.message.id, pinned.message.pinned_by) == (int(number), "zed-1")
    assert "pinnedAt" not in ask(village, "DELETE", f"/messages/{number}/pin")
    (unpinned,) = read(village.outbox(amy), "amy-2")
    assert isinstance(unpinned, events.MessageUnpinned)
    assert (unpinned.message.id, unpinned.message.pinned_at) == (int(number), None)


def test_a_save_is_private(village: Village) -> None:
    """The user's other devices hear of it, and nobody else does; answers have when."""
    zed, amy, number = village.device("zed-1"), village.device("amy-2"), say(village)
    village.outbox(zed)
    village.outbox(amy)
    saved: Any = decode_message(ask(village, "POST", f"/messages/{number}/save"))
    assert saved.saved_at is not None
    assert "savedAt" not in (village.world.messages.get(number) or {})
    (event,) = read(village.outbox(zed), "zed-1")
    assert isinstance(event, events.MessageSaved)
    assert (event.message.id, event.message.saved_at) == (int(number), saved.saved_at)
    assert "savedAt" not in ask(village, "DELETE", f"/messages/{number}/save")
    (event,) = read(village.outbox(zed), "zed-1")
    assert isinstance(event, events.MessageUnsaved)
    assert village.outbox(amy) == []


@pytest.mark.parametrize(
    ("path", "kind", "other"), [("/users/zed-1", "user", events.User), ("/groups/hikers", "group", events.Group)]
)
def test_a_conversation_is_pinned_by_each_user_for_themselves(
    village: Village, path: str, kind: str, other: type
) -> None:
    """Their other devices get `ConversationPinned`, with the newest message and how many are not read."""
    amy, number = village.device("amy-2"), say(village, "amy-2" if kind == "user" else "hikers", kind)
    village.outbox(amy)
    assert ask(village, "POST", f"{path}/conversation/pin", "amy-2")["conversationType"] == kind
    (event,) = read(village.outbox(amy), "amy-2")
    assert isinstance(event, events.ConversationPinned)
    assert isinstance(event.conversation.conversation_with, other)
    assert event.conversation.last_message is not None
    assert event.conversation.last_message.id == event.conversation.latest_message_id == int(number)
    assert (event.conversation.unread_message_count, event.conversation.pinned_by) == (1, "amy-2")
    ask(village, "DELETE", f"{path}/conversation/pin", "amy-2")
    (event,) = read(village.outbox(amy), "amy-2")
    assert isinstance(event, events.ConversationUnpinned)
    assert event.conversation.pinned_at is None


def test_an_empty_conversation_can_be_pinned(village: Village) -> None:
    """It has no newest message."""
    conversation = ask(village, "POST", "/users/amy-2/conversation/pin")
    assert (conversation["unreadMessageCount"], "lastMessage" in conversation) == (0, False)


def test_what_cannot_be_seen_cannot_be_pinned(village: Village) -> None:
    """A message of others, and one that is not there, are refused alike."""
    number = say(village)
    for path in (f"/messages/{number}/pin", f"/messages/{number}/save", "/messages/77/pin"):
        status, answer = village.ask("POST", path, authToken=village.token("bob-3"))
        assert (status, answer["error"]["code"]) == (404, "ERR_MESSAGE_ID_NOT_FOUND")


@pytest.mark.parametrize(
    ("file", "name", "path"),
    [
        ("pins", "message_pin.pinned", "/messages/1/pin"),
        ("pins", "message_save.saved", "/messages/1/save"),
        ("conversation_pins", "conversation_pin.pinned", "/users/amy-2/conversation/pin"),
    ],
)
def test_the_frames_look_as_comet_chats_own_do(village: Village, file: str, name: str, path: str) -> None:
    """Every place in a frame is one that the golden frame of its kind has, and the type and the action are the same."""
    examples = json.loads((GOLDEN / f"s2c-{file}.json").read_text(encoding="utf-8"))
    (golden,) = (example["frame"] for example in examples if example["name"] == name)
    zed = village.device("zed-1")
    say(village)
    village.outbox(zed)
    ask(village, "POST", path)
    (frame,) = village.outbox(zed)
    assert (frame["type"], frame["body"]["action"]) == (golden["type"], golden["body"]["action"])
    assert set(paths(frame)) - set(paths(golden)) <= {("body", "message", "data", "reactions")}
