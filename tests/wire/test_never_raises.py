"""Whatever the server sends, decoding returns a value."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cometconn import events
from cometconn._wire.decoder import AuthReply, Decoded, Decoder, Echo, Pong, decode
from cometconn._wire.message_key import message_key

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
FRAMES: list[Any] = [
    example["frame"]
    for path in sorted(GOLDEN.glob("s2c-*.json"))
    for example in json.loads(path.read_text(encoding="utf-8"))
]

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["", "0", "1001", "-1", "9" * 30, 2**63, 10**40, 1e18, "user", "group", "call", "message"])
)
json_values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(way for key, inner in items for way in paths(inner, (*path, key)))]


@st.composite
def mutated_frames(draw: st.DrawFn) -> Any:
    """Return a golden frame with a few values replaced or left out."""
    frame = copy.deepcopy(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from(paths(frame)[1:]))
        place = frame
        for step in way:
            place = place[step]
        if draw(st.booleans()):
            place[key] = draw(json_values)
        else:
            del place[key]
        if len(paths(frame)) == 1:
            break
    return frame


def check(decoded: Decoded) -> None:
    """Hold that *decoded* is one of the four, and can be shown, judged and compared."""
    assert isinstance(decoded, AuthReply | Pong | Echo | events.Event)
    assert not isinstance(decoded, events.Marker)
    assert repr(decoded)
    assert decoded == decoded  # noqa: PLR0124 - must not raise either
    if isinstance(decoded, events.Event):
        assert isinstance(message_key(decoded), int | None)
    if isinstance(decoded, events.Message):
        assert type(decoded.id) is int
        assert isinstance(decoded.sender, events.User)
        assert isinstance(decoded.receiver, events.User | events.Group)
        assert decoded.sent_at is None or decoded.sent_at.tzinfo is not None
        hash(decoded)
    if isinstance(decoded, events.UnreadableFrame):
        assert all(isinstance(step, str) for step in decoded.error.path)


@given(st.text() | st.binary())
def test_any_text_or_bytes(text: str | bytes) -> None:
    """Any text or bytes are decoded without an exception."""
    check(decode(text, own_uid="zed-1", session_id="s"))


@given(json_values)
def test_any_json(value: Any) -> None:
    """Any JSON value is decoded without an exception, as a frame and as a body of REST."""
    check(decode(json.dumps(value), own_uid="zed-1", session_id="s"))
    check(Decoder(None, None).decode_fetched(json.dumps(value).encode()))


@given(st.sampled_from(sorted({frame.get("type", "x") for frame in FRAMES})), json_values)
def test_any_body_of_any_kind(kind: str, body: Any) -> None:
    """A known kind with any body is decoded without an exception."""
    check(decode(json.dumps({"type": kind, "body": body}), own_uid=None, session_id=None))


@given(mutated_frames(), st.sampled_from([None, "zed-1", "amy-2"]))
def test_mutated_golden_frames(frame: Any, own_uid: str | None) -> None:
    """A golden frame with any fault is decoded without an exception, and an unreadable one keeps what was received."""
    text = json.dumps(frame)
    decoded = decode(text, own_uid=own_uid, session_id="s")
    check(decoded)
    assert not isinstance(decoded, events.UnreadableFrame) or decoded.raw is text
    check(Decoder(own_uid, None).decode_fetched(json.dumps(frame.get("body")).encode()))


@given(st.sampled_from(FRAMES), st.integers(0, 5000))
def test_cut_golden_frames(frame: Any, length: int) -> None:
    """The beginning of a golden frame is decoded without an exception."""
    text = json.dumps(frame)[:length]
    check(decode(text, own_uid="zed-1", session_id="s"))
