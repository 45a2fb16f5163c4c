"""Events and statuses as lines of text."""

from __future__ import annotations

import datetime
import json
import pathlib
import unicodedata

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from cometconn import Connected, Connecting, Disconnected, Reason, Waiting
from cometconn.cli.formatting import event_line, status_text
from cometconn.errors import ConnectionLostError, DecodeError
from cometconn.events import Event, Gap, Overflow, UnknownEvent, UnreadableFrame
from cometconn.testing.strategies import events
from tests.received import received, received_one

GOLDEN = sorted((pathlib.Path(__file__).parents[1] / "golden").glob("s2c-*.json"))
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_event_is_one_line_of_json(path: pathlib.Path) -> None:
    """Every kind of event can be printed, with the name of its class and without the frame."""
    for example in json.loads(path.read_text(encoding="utf-8")):
        events = received(example["frame"])
        assert len(events) == (path.stem != "s2c-auth_and_pong")
        for event in events:
            line = event_line(event)
            assert "\n" not in line
            printed = json.loads(line)
            assert printed["event"] == type(event).__name__
            assert "raw" not in printed or isinstance(event, UnknownEvent)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(events())
def test_every_event_is_one_line_without_control_characters(event: Event) -> None:
    """Every event is one line with its class and the names of its attributes; control characters are escaped."""
    line = event_line(event)
    assert not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in BIDI for character in line)
    printed = json.loads(line)
    assert printed["event"] == type(event).__name__
    whole = isinstance(event, UnknownEvent | UnreadableFrame)
    assert set(printed) == {"event", *(name for name in attrs.fields_dict(type(event)) if whole or name != "raw")}


def test_a_message_in_full() -> None:
    """Attributes have their Python names, times are ISO 8601, users are objects."""
    frame = {
        "type": "message",
        "body": {
            "id": "7",
            "category": "message",
            "type": "text",
            "sentAt": 60,
            "receiverType": "user",
            "sender": "amy-2",
            "receiver": "zed-1",
            "data": {"text": "grüß dich", "metadata": {"a": [1]}},
        },
    }
    printed = json.loads(line := event_line(received_one(frame)))  # type: ignore[arg-type]
    assert (printed["event"], printed["id"], printed["text"]) == ("TextMessage", 7, "grüß dich")
    assert printed["sent_at"] == "1970-01-01T00:01:00+00:00"
    assert printed["sender"]["uid"] == "amy-2"
    assert printed["metadata"] == {"a": [1]}
    assert "grüß" in line


def test_our_own_markers() -> None:
    """An error is printed as its code and message; an event without a class of its own as it was received."""
    gap = Gap(1.0, 2.0, ConnectionLostError("gone"), since_utc=NOON, until_utc=NOON)
    printed = json.loads(event_line(gap))
    assert printed["cause"] == {"code": "CONNECTION_LOST", "message": "gone"}
    assert printed["since_utc"] == "2026-01-02T12:00:00+00:00"
    assert (
        json.loads(event_line(Gap(1.0, 2.0, OSError("x"), since_utc=NOON, until_utc=NOON)))["cause"]["code"]
        == "OSError"
    )
    assert json.loads(event_line(Overflow(3))) == {"event": "Overflow", "dropped": 3}
    assert json.loads(event_line(UnknownEvent("new", {"type": "new"})))["raw"] == {"type": "new"}
    assert json.loads(event_line(UnreadableFrame(b"\xff", DecodeError("bad"))))["raw"] == "\\xff"


def test_status_text() -> None:
    """Each status has its text."""
    assert status_text(Disconnected(Reason.IN_BACKGROUND, at=0.0)) == "disconnected: in_background"
    assert status_text(Connecting(2, at=0.0)) == "connecting, attempt 2"
    assert status_text(Waiting(3, retry_at=4.5, cause=None, at=3.0)) == "waiting 1.5 s for attempt 3"  # type: ignore[arg-type]
    assert status_text(Connected(1, at=0.0)) == "connected"
