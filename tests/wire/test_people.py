"""Users and groups on the fast path: remembered, within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cometconn._wire import fast, people
from cometconn._wire.opened import OddError
from cometconn.events import User


def test_the_same_json_is_the_same_user(text_frame: dict[str, Any]) -> None:
    """A room has few people and many messages: each is made once, until what is said of them changes."""
    one, other = (fast.decode(json.dumps(text_frame), own_uid=None, session_id="s") for _ in range(2))
    assert one.sender is other.sender  # type: ignore[union-attr]
    text_frame["body"]["data"]["entities"]["sender"]["entity"]["status"] = "offline"
    later: Any = fast.decode(json.dumps(text_frame), own_uid=None, session_id="s")
    assert later.sender.status == "offline"


def entities(sender: dict[str, Any]) -> bytes:
    """The entities of a message from *sender* to zed-1."""
    return json.dumps({"sender": {"entity": sender}, "receiver": {"entity": {"uid": "zed-1"}}}).encode()


def test_what_is_remembered_is_bounded() -> None:
    """In number and in bytes, whatever the server sends."""
    for number in range(2000):
        written = entities({"uid": f"user-{number}"})
        assert people.known.get(written) is None
        assert people.sender_and_receiver(written) is people.known[written]
        assert len(people.known) <= 512
    before = dict(people.known)
    long = entities({"uid": "x", "avatar": "y" * 3000})
    assert people.sender_and_receiver(long) == (User("x", avatar="y" * 3000), User("zed-1"))
    assert people.known == before


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        '{"sender":{"entity":{"uid":"x"}}}',
        '{"sender":{"entity":{}},"receiver":{"entity":{"uid":"y"}}}',
        '{"sender":{"entity":{"uid":"x","new":' + "[" * 60 + "]" * 60 + '}},"receiver":{"entity":{"uid":"y"}}}',
        '{"sender":{"entity":{"uid":"x"}},"receiver":{"entity":{"uid":"y"}},"on":{"entity":1}}',
    ],
)
def test_odd_people_are_for_the_reference(written: str) -> None:
    """Nobody is missing or without a uid, and nothing may be nested too deeply once the frame is around it."""
    with pytest.raises(OddError):
        people.sender_and_receiver(written.encode())
    assert written.encode() not in people.known
