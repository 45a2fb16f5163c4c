"""From an event made by hand to its frame; what can be drawn is held to it in `test_event_strategies`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cometconn._wire.decoder import decode
from cometconn.errors import DecodeError, SettingsError
from cometconn.events import Group, MessageDeleted, MessageEdited, TextMessage, UnknownEvent, UnreadableFrame, User
from cometconn.testing import to_frame

AMY, HIKERS = User("amy-2", name="Amy"), Group("hikers")
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
