"""Message bodies on the fast path: each attribute from its own key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cometconn import events
from cometconn._wire.codec import decode_message

from .differential import check


def test_every_attribute_comes_from_its_key(text_frame: dict[str, Any], frame: Any) -> None:
    """Times that all differ, and everything that a message may have, read as the reference reads it."""
    body = text_frame["body"]
    times = ("sentAt", "updatedAt", "editedAt", "deletedAt", "deliveredAt", "readAt")
    body |= {name: 1_800_000_000 + number for number, name in enumerate(times)}
    body |= {"editedBy": "e", "deletedBy": "d", "muid": "m", "parentId": "7", "tags": ["t"]}
    body["data"]["mentions"] = {"x": {"uid": "x", "lastActiveAt": 5}}
    text = json.dumps(text_frame)
    event: Any = check(text)
    assert event == decode_message(body)
    assert len({event.sent_at, event.updated_at, event.edited_at, event.deleted_at, event.read_at}) == 5
    media = frame("s2c-messages", "media.image")
    media["body"]["data"]["attachments"] *= 2
    assert isinstance(check(json.dumps(media)), events.MediaMessage)


@pytest.mark.parametrize(
    "id", ["1001", 7, "007", "", " 5", "5\n", "+5", "-5", "1_0", "5.0", "\u0663", "\u00b2", "9" * 18, "9" * 19, 2**63]
)
def test_ids_of_texts_are_numbers(text_frame: dict[str, Any], id: Any) -> None:
    """Those that the fast path reads by itself, and those that only Python would take for one."""
    text_frame["body"]["id"] = id
    check(json.dumps(text_frame, ensure_ascii=False))
