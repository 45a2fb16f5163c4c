"""The converter takes what an attribute means, and nothing else."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from cometconn._wire.decoder import decode_user
from cometconn._wire.converter import structure, to_int
from cometconn.errors import DecodeError
from cometconn.events import Group, Message, TextMessage, User


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        ("-5", -5),
        ("0007", 7),
        (5.0, 5),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
    ],
)
def test_whole_numbers(value: object, number: int) -> None:
    """A whole number may come as a number or as text."""
    assert to_int(value) == number


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        "5.0",
        "1_0",
        " 5",
        "5\n",
        "٣",
        "0x5",
        5.5,
        float("nan"),
        float("inf"),
        2**63,
        -(2**63) - 1,
        "9" * 19,
        "9" * 5000,
        10**400,
        [],
        {},
    ],
)
def test_what_is_no_whole_number(value: object) -> None:
    """Neither is anything Python would take for one, nor more than 64 bits."""
    with pytest.raises(ValueError, match=r"must be a whole number|is too large a number"):
        to_int(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1800000200, 1800000200),
        ("1800000200", 1800000200),
        (1800000200.25, 1800000200.25),
        ("1.5", 1.5),
        (-1, -1),
        (0, None),
        ("0", None),
        (None, None),
    ],
)
def test_times(value: object, seconds: float | None) -> None:
    """A time is aware, UTC, from seconds as a number or as text; 0 is never."""
    user = decode_user({"uid": "u", "lastActiveAt": value})
    expected = None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    assert user.last_active_at == expected
    assert expected is None or (user.last_active_at and user.last_active_at.tzinfo is datetime.UTC)


@pytest.mark.parametrize(
    "value",
    [10**12, -(10**12), 10**30, 10**400, 1e300, float("inf"), float("nan"), "9" * 19, True, False, "", "soon", [], {}],
)
def test_absurd_times(value: object) -> None:
    """A time that is none, or none that a calendar has, is a decode error with its place."""
    words = r"^lastActiveAt (must be a time in seconds, not |is not a time between the years 1 and 9999\.$)"
    with pytest.raises(DecodeError, match=words) as caught:
        decode_user({"uid": "u", "lastActiveAt": value})
    assert caught.value.path == ("lastActiveAt",)


@pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), (1, True), (0, False), (None, False)])
def test_flags(value: object, flag: bool) -> None:
    """A flag may come as a boolean, as 1 or 0, or not at all."""
    assert decode_user({"uid": "u", "hasBlockedMe": value}).has_blocked_me is flag


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("uid", None, "uid must be text, not null."),
        ("uid", 5, "uid must be text, not a number."),
        ("name", ["x"], "name must be text, not an array."),
        ("hasBlockedMe", "yes", "hasBlockedMe must be true or false, not text."),
        ("hasBlockedMe", 2, "hasBlockedMe must be true or false, not a number."),
        ("hasBlockedMe", [], "hasBlockedMe must be true or false, not an array."),
        ("metadata", "x", "metadata must be an object, not text."),
        ("metadata", [1], "metadata must be an object, not an array."),
        ("tags", "abc", "tags must be an array, not text."),
        ("tags", ["a", True], "tags.1 must be text, not a boolean."),
    ],
)
def test_wrong_types(field: str, value: object, words: str) -> None:
    """The error says where, what is needed and what is there, never what is in it."""
    with pytest.raises(DecodeError) as caught:
        decode_user({"uid": "u", field: value})
    assert str(caught.value) == words


def test_nothing_is_like_empty() -> None:
    """Null, and an empty array where an object should be, are empty."""
    assert decode_user({"uid": "u", "tags": None, "metadata": None, "name": None}) == User("u")
    assert decode_user({"uid": "u", "tags": [], "metadata": []}) == User("u")


@pytest.mark.parametrize("value", [None, [], "amy-2", 5])
def test_a_user_is_an_object(value: Any) -> None:
    """Anything else is not a user."""
    with pytest.raises(DecodeError, match=r"^The JSON must be an object, not ") as caught:
        decode_user(value)
    assert caught.value.path == ()


def test_users_and_groups_are_told_apart_by_their_id() -> None:
    """An object with a guid is a group, any other must be a user; made ones stay as they are."""
    either: Any = User | Group
    assert structure({"guid": "g"}, either, ()) == Group("g")
    assert structure({"uid": "u"}, either, ()) == User("u")
    for made in (User("u"), Group("g")):
        assert structure(made, either, ()) is made
    with pytest.raises(DecodeError, match=r"^x\.uid is missing\.$"):
        structure({}, either, ("x",))


def test_users_may_come_as_an_object_or_as_an_array() -> None:
    """Mentions are users, whichever way they are written."""
    several: Any = tuple[User, ...]
    for value in ([{"uid": "a"}, {"uid": "b"}], {"a": {"uid": "a"}, "b": {"uid": "b"}}):
        assert structure(value, several, ()) == (User("a"), User("b"))


def test_a_message_inside_a_message_is_made_elsewhere() -> None:
    """The converter lets a made message pass, and nothing else."""
    values: dict[str, object] = {"id": 1, "sender": User("a"), "receiver": User("b"), "category": "message"}
    quoted = structure(values, TextMessage, ())
    assert structure({**values, "quoted_message": quoted}, TextMessage, ()).quoted_message is quoted
    with pytest.raises(DecodeError, match=r"^quotedMessage must be a message, not an object\.$"):
        structure({**values, "quoted_message": {}}, TextMessage, ())
    assert isinstance(quoted, Message)
