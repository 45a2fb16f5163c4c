"""Looking things up in a body."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn._wire.source import Choice, Source
from cometconn.errors import DecodeError
from cometconn.events import Event, User


def source(body: dict[str, Any], **envelope: object) -> Source:
    """Return a source whose body stands at `body`."""
    return Source(raw=body, body=body, path=("body",), envelope=envelope, own_uid=None)


def test_find_walks_objects() -> None:
    """A value is found through objects; where one is missing, empty or null there is nothing."""
    assert source({"a": {"b": 1}}).find(("a", "b")) == 1
    lacking: list[dict[str, Any]] = [{}, {"a": None}, {"a": []}, {"a": {}}]
    for body in lacking:
        assert source(body).find(("a", "b")) is None


@pytest.mark.parametrize("value", ["text", 1, [1], True])
def test_find_names_the_object_that_is_none(value: object) -> None:
    """Something else where an object must be is a fault of that place."""
    with pytest.raises(DecodeError, match=r"^body\.a must be an object, not ") as caught:
        source({"a": value}).find(("a", "b"))
    assert caught.value.path == ("body", "a")


def test_texts_must_be_text() -> None:
    """A text of the body or the envelope is text or missing."""
    assert source({}).text(("a",)) is None
    assert source({"a": "x"}).text(("a",)) == "x"
    assert source({}, a="x").envelope_text("a") == "x"
    with pytest.raises(DecodeError, match=r"^body\.a must be text, not a number\.$"):
        source({"a": 1}).text(("a",))
    with pytest.raises(DecodeError, match=r"^a must be text, not an object\.$"):
        source({}, a={}).envelope_text("a")


def test_an_empty_id_is_no_id() -> None:
    """Empty ids are passed over for the next that could serve."""
    assert source({"uid": ""}, sender="amy-2").person(("user",), plain=(("uid",),)) == User("amy-2")


def test_a_choice_with_a_way_out_takes_any_word() -> None:
    """`otherwise` reads what no word names, the missing word too; without it the word must be there."""
    made = Event()
    assert Choice(("w",), {}, lambda _: made)(source({"w": "x"})) is made
    assert Choice(("w",), {}, lambda _: made)(source({})) is made
    assert Choice(("w",), {})(source({"w": "x"})) is None
    with pytest.raises(DecodeError, match=r"^body\.w is missing\.$"):
        Choice(("w",), {})(source({}))
