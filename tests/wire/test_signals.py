"""Frames that are not messages."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from cometconn import events
from cometconn._wire.decoder import decode

AMY = events.User(
    "amy-2",
    name="Amy Two",
    role="default",
    avatar="https://pics.probe.test/amy.png",
    status="online",
    last_active_at=datetime.datetime.fromtimestamp(1800000100, datetime.UTC),
)


def at(seconds: int) -> datetime.datetime:
    """Return the time so many seconds after 1970."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def read(frame: dict[str, Any], own_uid: str | None = "zed-1") -> Any:
    """Decode a frame given as a mapping."""
    return decode(json.dumps(frame), own_uid=own_uid, session_id=None)


def test_a_receipt(frame: Any) -> None:
    """A receipt has the message's id and sender, its own sender and receiver, and the time."""
    given = frame("s2c-receipts", "read.group")
    receipt = read(given)
    assert receipt == events.MessagesRead(
        message_id=1002,
        sender=AMY,
        receiver=events.Group("hikers"),
        message_sender="zed-1",
        timestamp=at(1800000601),
    )
    assert receipt.raw == given


def test_typing(frame: Any) -> None:
    """A typing event has sender, receiver and metadata."""
    given = frame("s2c-typing", "started.user")
    expected = events.TypingStarted(sender=AMY, receiver=events.User("zed-1"), metadata={"where": "mobile"})
    assert read(given) == expected
    given["body"]["user"] = None
    assert read(given).sender == events.User("amy-2")


def test_presence_outranks_the_user_object(frame: Any) -> None:
    """The action is the status, and the timestamp is when the user was last seen."""
    given = frame("s2c-presence", "offline")
    given["body"]["user"]["status"] = "online"
    offline = read(given)
    assert type(offline) is events.UserOffline
    assert (offline.user.status, offline.user.last_active_at) == ("offline", at(1800000701))
    del given["body"]["timestamp"]
    assert read(given).user.last_active_at == at(1800000100)
    assert read(frame("s2c-presence", "available")).user.status == "online"


@pytest.mark.parametrize("timestamp", ["soon", [], {}, True])
def test_presence_without_a_readable_time(frame: Any, timestamp: object) -> None:
    """Without a valid timestamp, the time in the user's object is used."""
    given = frame("s2c-presence", "offline")
    given["body"]["timestamp"] = timestamp
    assert read(given).user.last_active_at == at(1800000100)


@pytest.mark.parametrize("data", [{"k": 1}, None, [1], "x", 0])
def test_transient_data_may_be_any_json(frame: Any, data: object) -> None:
    """Transient data is returned unchanged, whatever JSON it is."""
    given = frame("s2c-transient", "group")
    given["body"]["data"] = data
    expected = events.TransientMessage(sender=AMY, receiver=events.Group("hikers"), data=data)
    assert read(given) == expected


def test_the_apps_own_data_cannot_name_another_receiver(frame: Any) -> None:
    """Data of the app that looks like entities stays data."""
    given = frame("s2c-transient", "user")
    given["body"]["data"] = {"entities": {"receiver": {"entity": {"guid": "forged"}}}}
    assert read(given).receiver == events.User("zed-1")


def test_a_reaction(frame: Any) -> None:
    """A reaction has the emoji, the message, the user and the time."""
    given = frame("s2c-reactions", "removed")
    assert read(given) == events.ReactionRemoved(
        message_id=1001,
        reaction="🔥",
        reacted_by=AMY,
        receiver=events.User("zed-1"),
        reacted_at=at(1800000800),
        id="r-1",
        conversation_id="amy-2_user_zed-1",
        parent_message_id=900,
    )
    del given["body"]["reactedBy"]
    given["body"]["uid"] = "bob-3"
    assert read(given).reacted_by == events.User("bob-3")


def test_a_completed_interaction(frame: Any) -> None:
    """The event has the user, the message and the elements that were used."""
    given = frame("s2c-receipts", "interaction_completed")
    expected = events.InteractionGoalCompleted(
        sender=AMY,
        receiver=events.User("zed-1"),
        interactions=(events.Interaction(element_id="btn-1", interacted_at=at(1800000610)),),
        message_id=1009,
        message_sender="zed-1",
    )
    assert read(given) == expected
    given["body"]["interactions"].append({"elementId": 5})
    assert read(given).error.path == ("body", "interactions", "1", "elementId")


def test_a_moderated_message(frame: Any) -> None:
    """A moderation event has the message, the decision, and the whole frame."""
    given = frame("s2c-message_changes", "moderated")
    moderated = read(given)
    assert (moderated.message.text, moderated.status, moderated.raw) == ("checked", "approved", given)
    assert moderated.message.raw == given["body"]
    given["body"]["category"] = "hologram"
    assert read(given) == events.UnknownEvent("on_moderation_status_changed", given)


def test_a_step_of_an_ai_agent() -> None:
    """A step of an AI agent contains all its data."""
    body: dict[str, Any] = {
        "type": "text_delta",
        "conversationId": "c",
        "id": "x",
        "data": {"runId": "r", "delta": "Hel"},
    }
    step = read({"type": "streamed_message", "body": body})
    assert step == events.AIAssistantEvent(type="text_delta", conversation_id="c", run_id="r", data=body["data"])


@pytest.mark.parametrize("kind", ["receipts", "typing_indicator", "presence", "reaction"])
def test_actions(kind: str) -> None:
    """An unknown action is an unknown event; a missing one, or one that is not text, makes the frame unreadable."""
    frame: dict[str, Any] = {"type": kind, "body": {"action": "dreamt"}}
    assert read(frame) == events.UnknownEvent(kind, frame)
    for body in ({}, {"action": 5}, {"action": None}):
        assert read({"type": kind, "body": body}).error.path == ("body", "action")


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_known_kind_needs_a_body(body: object) -> None:
    """A body that is no object makes the frame unreadable."""
    assert read({"type": "receipts", "body": body}).error.path == ("body",)


@pytest.mark.parametrize("action", ["pinned", "unpinned", "saved", "unsaved"])
def test_frames_without_a_class_are_unknown_events(action: str) -> None:
    """Frames of kinds that only CometChat's newest client knows keep their whole mapping."""
    given = {"type": "message_pin_save", "body": {"action": action}}
    assert read(given) == events.UnknownEvent("message_pin_save", given)
