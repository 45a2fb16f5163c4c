"""What the log keeps of an event, and the event again."""

from __future__ import annotations

import datetime
import json
import pathlib
from typing import Any

import attrs
import pytest

from cometconn._wire.decoder import Decoder, decode
from cometconn.errors import DecodeError
from cometconn.events import Event, Gap, Overflow, Resumed, TextMessage, UnreadableFrame
from cometconn.fleet.log_format import decode_entry, to_log_event
from cometconn.fleet.values import EntryKind, LogEntry, LogEvent

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
NOW = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)


def frames() -> list[Any]:
    """Every frame that a server sends, as the golden files have them."""
    found = []
    for path in sorted(GOLDEN.glob("s2c-*.json")):
        content = json.loads(path.read_text())
        found += [item.get("frame", item) for item in (content if isinstance(content, list) else content.values())]
    return found


def again(event: LogEvent) -> Event | None:
    """What a consumer gets of it."""
    assert event.body is not None
    return decode_entry(LogEntry("1", "zed-1", event.id, event.kind, False, event.body, 0.0))


def test_every_kind_of_event_comes_back() -> None:
    """All golden frames: the same event with the same id; an id makes a message, and none makes a signal."""
    compared = 0
    for frame in frames():
        event = decode(json.dumps(frame), own_uid="zed-1", session_id=None)
        if isinstance(event, Event):
            made = to_log_event(event, "zed-1")
            assert made is not None
            assert again(made) == event
            assert (made.kind is EntryKind.MESSAGE) is (made.id is not None)
            compared += 1
    assert compared > 60


def test_a_live_and_a_fetched_message_are_the_same_entry() -> None:
    """The raw of a live message is the frame, that of a fetched one the body: the log has the body."""
    compared = 0
    for frame in frames():
        live = decode(json.dumps(frame), own_uid="zed-1", session_id=None)
        if isinstance(frame, dict) and frame.get("type") == "message" and isinstance(live, Event):
            fetched = Decoder("zed-1", None).decode_fetched(json.dumps(frame["body"]).encode())
            if type(fetched) is type(live):
                assert to_log_event(fetched, "zed-1") == to_log_event(live, "zed-1")
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("raw", ["{", "\ud800 half", b"\xff\x00", '{"type": "message", "body": {"id": "x"}}'])
def test_an_unreadable_frame_stays_one(raw: str | bytes) -> None:
    """It is kept as text, so that a later version may read it."""
    event = UnreadableFrame(raw, DecodeError("odd", path=()))
    made = to_log_event(event, "zed-1")
    assert made is not None
    assert made.kind is EntryKind.SIGNAL
    assert isinstance(again(made), UnreadableFrame)


def test_values_that_json_cannot_hold_are_written_all_the_same() -> None:
    """Half a surrogate pair in a message."""
    body = {"id": "5", "sender": "amy-2", "receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "\ud800"}}  # fmt: skip
    event = Decoder("zed-1", None).decode_fetched(json.dumps(body).encode())
    assert isinstance(event, TextMessage)
    made = to_log_event(attrs.evolve(event, raw=body), "zed-1")
    assert made is not None
    assert (
        json.loads(made.body or b"")["message"]["data"]["text"] == "\ud800"
    ) is True  # xdist cannot report this text


def gap(recovered: bool | None) -> Gap:
    """A gap with this outcome."""
    return Gap(1.0, 2.0, None, recovered, 7, 9, since_utc=NOW, until_utc=NOW)


@pytest.mark.parametrize(
    ("marker", "hole"),
    [
        (gap(True), None),
        (gap(None), None),
        (gap(False), {"after_id": 7, "before_id": 9, "since": NOW.isoformat(), "until": NOW.isoformat()}),
        (Overflow(dropped=3), {"dropped": 3}),
        (Resumed(slept=5.0), None),
    ],
)
def test_only_a_loss_is_a_hole(marker: Event, hole: Any) -> None:
    """F10: what was not fetched, or was dropped."""
    made = to_log_event(marker, "zed-1")
    if hole is None:
        assert made is None
    else:
        assert made is not None
        assert (made.id, made.kind, json.loads(made.body or b"")) == (None, EntryKind.HOLE, {"hole": hole})
        assert again(made) is None


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"frame": {"type": "auth"}}', b"[" * 100_000])
def test_foreign_entries_never_raise(body: bytes) -> None:
    """An entry that is not the recorder's."""
    event = decode_entry(LogEntry("1", "zed-1", 5, EntryKind.MESSAGE, False, body, 0.0))
    assert isinstance(event, UnreadableFrame)
    assert event.message_id == 5
