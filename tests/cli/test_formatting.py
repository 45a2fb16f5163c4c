"""Events and statuses as lines."""

from __future__ import annotations

import datetime
import json
import pathlib
import unicodedata

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from cometconn import Connected, Connecting, Disconnected, Reason, Waiting
from cometconn._wire.decoder import decode
from cometconn.cli.formatting import event_line, status_text
from cometconn.errors import ConnectionLostError, DecodeError
from cometconn.events import Event, Gap, Overflow, UnknownEvent, UnreadableFrame
from cometconn.testing.strategies import events

GOLDEN = sorted((pathlib.Path(__file__).parents[1] / "golden").glob("s2c-*.json"))
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_event_is_one_line_of_json(path: pathlib.Path) -> None:
    """Whatever comes from the server can be printed, its class by name, without the frame."""
    for example in json.loads(path.read_text(encoding="utf-8")):
        event = decode(json.dumps(example["frame"]), own_uid="zed-1", session_id=None)
        if isinstance(event, Event):
            line = event_line(event)
            assert "\n" not in line
            told = json.loads(line)
            assert told["event"] == type(event).__name__
            assert "raw" not in told or isinstance(event, UnknownEvent)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(events())
def test_every_event_is_one_line_without_what_a_terminal_obeys(event: Event) -> None:
    """Whatever texts are in it: the class by name, each attribute by its own, control characters escaped."""
    line = event_line(event)
    assert not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in BIDI for character in line)
    told = json.loads(line)
    assert told["event"] == type(event).__name__
    whole = isinstance(event, UnknownEvent | UnreadableFrame)
    assert set(told) == {"event", *(name for name in attrs.fields_dict(type(event)) if whole or name != "raw")}


def test_a_message_in_full() -> None:
    """Attributes by their Python names, times as ISO 8601, people as objects."""
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
    told = json.loads(line := event_line(decode(json.dumps(frame), own_uid=None, session_id=None)))  # type: ignore[arg-type]
    assert (told["event"], told["id"], told["text"]) == ("TextMessage", 7, "grüß dich")
    assert told["sent_at"] == "1970-01-01T00:01:00+00:00"
    assert told["sender"]["uid"] == "amy-2"
    assert told["metadata"] == {"a": [1]}
    assert "grüß" in line


def test_our_own_markers() -> None:
    """Errors stand by code and message; what has no class of its own is shown as it came."""
    gap = Gap(1.0, 2.0, ConnectionLostError("gone"), since_utc=NOON, until_utc=NOON)
    told = json.loads(event_line(gap))
    assert told["cause"] == {"code": "CONNECTION_LOST", "message": "gone"}
    assert told["since_utc"] == "2026-01-02T12:00:00+00:00"
    assert (
        json.loads(event_line(Gap(1.0, 2.0, OSError("x"), since_utc=NOON, until_utc=NOON)))["cause"]["code"]
        == "OSError"
    )
    assert json.loads(event_line(Overflow(3))) == {"event": "Overflow", "dropped": 3}
    assert json.loads(event_line(UnknownEvent("new", {"type": "new"})))["raw"] == {"type": "new"}
    assert json.loads(event_line(UnreadableFrame(b"\xff", DecodeError("bad"))))["raw"] == "\\xff"


def test_statuses_in_words() -> None:
    """Each status has its words."""
    assert status_text(Disconnected(Reason.IN_BACKGROUND, at=0.0)) == "disconnected: in_background"
    assert status_text(Connecting(2, at=0.0)) == "connecting, attempt 2"
    assert status_text(Waiting(3, retry_at=4.5, cause=None, at=3.0)) == "waiting 1.5 s for attempt 3"  # type: ignore[arg-type]
    assert status_text(Connected(1, at=0.0)) == "connected"
