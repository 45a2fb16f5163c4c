"""The frames that come often: told apart by their `type`, wherever it stands."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cometconn._wire.envelopes import Frame


def test_the_type_tells_them_apart(received: dict[str, Any]) -> None:
    """First or last, the tag decides; an `action` beside it makes a frame a pong, which is none of these."""
    frame = received["frame"]
    kind = frame.get("type")
    if kind in {None, "auth", "interaction_completed", "on_moderation_status_changed"} or "call" in str(frame):
        return
    try:
        first = msgspec.json.decode(json.dumps({"type": kind, **frame}), type=Frame)
    except msgspec.ValidationError:
        assert "quotedMessage" in frame["body"]
        return
    frame.pop("type")
    assert msgspec.json.decode(json.dumps({**frame, "type": kind}), type=Frame) == first
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps({**frame, "type": kind, "action": "pong"}), type=Frame)
