"""`cometconn.emulator.backend.pin_routes`: what is pinned or saved, and the events that others get."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from tests.received import message_frame, received, received_one

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"


def say(backend: Backend, receiver: str = "amy-2", kind: str = "user") -> str:
    """Send a message from zed-1; return its id."""
    draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": "x"}}
    return str(backend.world.post("zed-1", draft)["id"])


def request(backend: Backend, method: str, path: str, uid: str = "zed-1") -> Any:
    """Make a request from a device that is not connected; return the answer."""
    status, answer = backend.request(method, path, authToken=backend.token(uid))
    assert status == 200
    return answer["data"]


def read(frames: list[Any], uid: str) -> list[Any]:
    """The events that a client of *uid* receives, one for each frame."""
    events = received(*frames, uid=uid)
    assert len(events) == len(frames)
    return events


def paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all values in a frame, except those inside users and groups."""
    if isinstance(value, dict) and above[-1:] not in {("entity",), ("conversationWith",)}:
        for key, item in value.items():
            yield (*above, key)
            yield from paths(item, (*above, key))


def test_a_pin_is_sent_to_the_whole_conversation(backend: Backend) -> None:
    """The other side gets `MessagePinned`, then `MessageUnpinned`; the stored message has the time and the user."""
    amy, number = backend.device("amy-2"), say(backend)
    backend.outbox(amy)
    assert request(backend, "POST", f"/messages/{number}/pin")["pinnedBy"] == "zed-1"
    stored: Any = backend.world.messages.get(number)
    assert (stored["pinnedAt"], stored["pinnedBy"]) == (backend.world.now(), "zed-1")
    (pinned,) = read(backend.outbox(amy), "amy-2")
    assert isinstance(pinned, events.MessagePinned)
    assert (pinned.message.id, pinned.message.pinned_by) == (int(number), "zed-1")
    assert "pinnedAt" not in request(backend, "DELETE", f"/messages/{number}/pin")
    (unpinned,) = read(backend.outbox(amy), "amy-2")
    assert isinstance(unpinned, events.MessageUnpinned)
    assert (unpinned.message.id, unpinned.message.pinned_at) == (int(number), None)


def test_a_save_is_private(backend: Backend) -> None:
    """Only the user's other devices get the event; answers have the time."""
    zed, amy, number = backend.device("zed-1"), backend.device("amy-2"), say(backend)
    backend.outbox(zed)
    backend.outbox(amy)
    saved: Any = received_one(message_frame(request(backend, "POST", f"/messages/{number}/save")))
    assert saved.saved_at is not None
    assert "savedAt" not in (backend.world.messages.get(number) or {})
    (event,) = read(backend.outbox(zed), "zed-1")
    assert isinstance(event, events.MessageSaved)
    assert (event.message.id, event.message.saved_at) == (int(number), saved.saved_at)
    assert "savedAt" not in request(backend, "DELETE", f"/messages/{number}/save")
    (event,) = read(backend.outbox(zed), "zed-1")
    assert isinstance(event, events.MessageUnsaved)
    assert backend.outbox(amy) == []


@pytest.mark.parametrize(
    ("path", "kind", "other"), [("/users/zed-1", "user", events.User), ("/groups/hikers", "group", events.Group)]
)
def test_a_conversation_is_pinned_by_each_user_for_themselves(
    backend: Backend, path: str, kind: str, other: type
) -> None:
    """The user's other devices get `ConversationPinned`, with the newest message and the number of unread ones."""
    amy, number = backend.device("amy-2"), say(backend, "amy-2" if kind == "user" else "hikers", kind)
    backend.outbox(amy)
    assert request(backend, "POST", f"{path}/conversation/pin", "amy-2")["conversationType"] == kind
    (event,) = read(backend.outbox(amy), "amy-2")
    assert isinstance(event, events.ConversationPinned)
    assert isinstance(event.conversation.conversation_with, other)
    assert event.conversation.last_message is not None
    assert event.conversation.last_message.id == event.conversation.latest_message_id == int(number)
    assert (event.conversation.unread_message_count, event.conversation.pinned_by) == (1, "amy-2")
    request(backend, "DELETE", f"{path}/conversation/pin", "amy-2")
    (event,) = read(backend.outbox(amy), "amy-2")
    assert isinstance(event, events.ConversationUnpinned)
    assert event.conversation.pinned_at is None


def test_an_empty_conversation_can_be_pinned(backend: Backend) -> None:
    """Its event has no newest message."""
    conversation = request(backend, "POST", "/users/amy-2/conversation/pin")
    assert (conversation["unreadMessageCount"], "lastMessage" in conversation) == (0, False)


def test_what_cannot_be_seen_cannot_be_pinned(backend: Backend) -> None:
    """A message of others, and one that is not there, are refused alike."""
    number = say(backend)
    for path in (f"/messages/{number}/pin", f"/messages/{number}/save", "/messages/77/pin"):
        status, answer = backend.request("POST", path, authToken=backend.token("bob-3"))
        assert (status, answer["error"]["code"]) == (404, "ERR_MESSAGE_ID_NOT_FOUND")


LATER = {("body", "conversation", name) for name in ("lastReadMessageId", "tags", "unreadMentionsCount")} | {
    ("body", "conversation", "conversationWith", name) for name in ("blockedByMe", "hasBlockedMe")
}
"""What REST has of a conversation beside the golden frame: protocol, section 12."""


@pytest.mark.parametrize(
    ("file", "name", "path"),
    [
        ("pins", "message_pin.pinned", "/messages/1/pin"),
        ("pins", "message_save.saved", "/messages/1/save"),
        ("conversation_pins", "conversation_pin.pinned", "/users/amy-2/conversation/pin"),
    ],
)
def test_the_frames_have_the_shape_of_the_golden_ones(backend: Backend, file: str, name: str, path: str) -> None:
    """Every path in a frame is in the golden frame of its kind, too; type and action are the same."""
    examples = json.loads((GOLDEN / f"s2c-{file}.json").read_text(encoding="utf-8"))
    (golden,) = (example["frame"] for example in examples if example["name"] == name)
    zed = backend.device("zed-1")
    say(backend)
    backend.outbox(zed)
    request(backend, "POST", path)
    (frame,) = backend.outbox(zed)
    assert (frame["type"], frame["body"]["action"]) == (golden["type"], golden["body"]["action"])
    reactions = {("body", *message, "data", "reactions") for message in (("message",), ("conversation", "lastMessage"))}
    assert set(paths(frame)) - set(paths(golden)) <= {*reactions, *LATER}
