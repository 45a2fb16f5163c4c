"""`as_json()`: an event as JSON values."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from cometconn.errors import ConnectionLostError, DecodeError, SettingsError
from cometconn.events import (
    Event,
    Gap,
    Group,
    MessageEdited,
    Overflow,
    TextMessage,
    UnknownEvent,
    UnreadableFrame,
    User,
    as_json,
)
from cometconn.testing.strategies import events

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


def message(**attributes: Any) -> TextMessage:
    """Return a text message."""
    return TextMessage(id=7, category="message", sender=User("a"), receiver=Group("g"), text="hello", **attributes)


def matches(value: Any, shown: Any) -> bool:
    """Whether *shown* is JSON's form of an attribute, read back by the rules of the docstring."""
    if isinstance(value, Exception):
        return bool(shown["message"] == str(value))
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(type(value)) if field.name != "raw"}
        named = {"event": type(value).__name__} if isinstance(value, Event) else {}
        return set(shown) == {*fields, *named} and all(
            matches(item, shown[name]) for name, item in (fields | named).items()
        )
    if isinstance(value, datetime.datetime):
        return datetime.datetime.fromisoformat(shown) == value
    if isinstance(value, Mapping):
        return type(shown) is dict and dict(value) == shown
    if isinstance(value, tuple):
        return type(shown) is list and len(shown) == len(value) and all(map(matches, value, shown))
    return type(shown) is type(value) and bool(shown == value)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(events())
def test_every_event_is_json(event: Event) -> None:
    """For every kind: each attribute is there under its name, at any depth, and a JSON parser restores the whole."""
    for raw in (False, True):
        shown = as_json(event, raw=raw)
        assert json.loads(json.dumps(shown)) == shown
        whole = isinstance(event, UnknownEvent | UnreadableFrame)
        assert ("raw" in shown) == (hasattr(event, "raw") and (raw or whole))
        frame = shown.pop("raw", None)
        assert frame is None or frame == event.raw  # type: ignore[attr-defined]
        assert matches(event, shown)


def test_what_is_inside_has_its_class_and_all_its_attributes() -> None:
    """A message in another event is of its own class, not of the class that the attribute's type names."""
    shown = as_json(MessageEdited(message=message(sent_at=NOON), by=User("z", tags=("t",))))
    assert (shown["event"], shown["message"]["event"], shown["message"]["text"]) == (
        "MessageEdited",
        "TextMessage",
        "hello",
    )
    assert shown["message"]["sent_at"] == "2026-01-02T12:00:00+00:00"
    assert shown["message"]["receiver"]["guid"] == "g"
    assert shown["by"]["tags"] == ["t"]
    assert "raw" not in shown
    assert "raw" not in shown["message"]


def test_markers() -> None:
    """An error is its code and its message; a marker has no frame, even if that is asked for."""
    gap = Gap(1.0, 2.0, ConnectionLostError("gone"), since_utc=NOON, until_utc=NOON)
    assert as_json(gap, raw=True)["cause"] == {"code": "CONNECTION_LOST", "message": "gone"}
    gap = Gap(1.0, 2.0, OSError("x"), since_utc=NOON, until_utc=NOON)
    assert as_json(gap)["cause"] == {"code": "OSError", "message": "x"}
    assert as_json(Overflow(3), raw=True) == {"event": "Overflow", "dropped": 3}


@pytest.mark.parametrize(
    ("event", "raw"),
    [
        (message(raw={"body": {"authToken": "s3cret", "x": [1]}}), {"body": {"authToken": "***", "x": [1]}}),
        (UnknownEvent("new", {"token": "s3cret"}), {"token": "***"}),
        (UnreadableFrame('{"token": "s3cret', DecodeError("bad")), '{"token": "***'),
        (UnreadableFrame(b"\xff", DecodeError("bad")), "\\xff"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_frame_is_shown_without_secrets(event: Event, raw: Any) -> None:
    """Fields that hold secrets by their names are masked in every frame; bytes are escaped."""
    assert as_json(event, raw=True)["raw"] == raw


def test_it_can_be_changed() -> None:
    """It is a copy: the event keeps its metadata."""
    event = message(metadata={"a": [1, {"b": 2}]})
    shown = as_json(event)
    shown["metadata"]["a"][1]["b"] = 3
    shown["metadata"]["new"] = True
    assert event.metadata == {"a": [1, {"b": 2}]}


def test_only_an_event() -> None:
    """A user is part of events, and a class is not an event."""
    for wrong in (User("a"), TextMessage, {}):
        with pytest.raises(SettingsError, match="event"):
            as_json(wrong)  # type: ignore[arg-type]
