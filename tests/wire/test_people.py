"""Users and groups on the fast path: remembered, within bounds."""

from __future__ import annotations

import json
from typing import Any

import msgspec
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


def test_what_is_remembered_is_bounded() -> None:
    """In number and in bytes, whatever the server sends."""
    for number in range(2000):
        people.user_of(msgspec.Raw(json.dumps({"uid": f"user-{number}"}).encode()))
    assert people._known_user.cache_info().currsize <= 512
    before = people._known_user.cache_info()
    long = {"uid": "x", "avatar": "y" * 2000}
    assert people.user_of(msgspec.Raw(json.dumps(long).encode())) == User("x", avatar="y" * 2000)
    assert people._known_user.cache_info() == before


@pytest.mark.parametrize("text", ["{}", '{"uid":"x","new":' + "[" * 60 + "]" * 60 + "}"])
def test_odd_people_are_for_the_reference(text: str) -> None:
    """Nobody without a uid, and nothing that may be nested too deeply once the frame is around it."""
    with pytest.raises(OddError):
        people.user_of(msgspec.Raw(text.encode()))
