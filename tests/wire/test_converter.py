"""The converter accepts the JSON forms of each attribute's type, and nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from cometconn._wire.converter import UnfitError, converter, decode_error, to_int
from cometconn._wire.decoder import decode_user
from cometconn._wire.reference import Notes, reading
from cometconn.errors import DecodeError
from cometconn.events import Group, Interaction, Message, User


def structure(value: Any, kind: Any) -> Any:
    """Return what *value* is as a *kind*. Raises `DecodeError`."""
    try:
        with reading(Notes()):
            return converter.structure(value, kind)
    except UnfitError as error:
        raise decode_error(str(error), error.path) from None


Time = datetime.datetime | None


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
    """A whole number may be a number or a text."""
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
    """Other values that Python would convert are no whole numbers, nor are those of more than 64 bits."""
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
        (1800000200123, 1800000200.123),
        ("1800000200123", 1800000200.123),
        (-1800000200123, -1800000200.123),
        (99_999_999_999, 99_999_999_999),
        (100_000_000_000, 100_000_000),
    ],
)
def test_times(value: object, seconds: float | None) -> None:
    """A time is aware and in UTC, from seconds as a number or text, or milliseconds; 0 is `None`."""
    user = decode_user({"uid": "u", "lastActiveAt": value})
    expected = None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    assert user.last_active_at == expected
    assert expected is None or (user.last_active_at and user.last_active_at.tzinfo is datetime.UTC)


@pytest.mark.parametrize(
    "value",
    [10**15, -(10**15), 10**30, 10**400, 1e300, float("inf"), float("nan"), "9" * 19, True, False, "", "soon", [], {}],
)
def test_invalid_times(value: object) -> None:
    """An invalid or impossible time raises an error with its path; in a user the attribute is then `None`."""
    words = r"^The JSON (must be a time in seconds, not |is not a time between the years 1 and 9999\.$)"
    with pytest.raises(DecodeError, match=words):
        structure(value, Time)
    with pytest.raises(DecodeError, match=words.replace("The JSON", "1")) as caught:
        structure([5, value], tuple[Time, ...])
    assert caught.value.path == ("1",)
    assert decode_user({"uid": "u", "lastActiveAt": value}) == User("u")


@pytest.mark.parametrize(
    ("value", "flag"),
    [(word, flag) for flag in (True, False) for word in (flag, int(flag), str(int(flag)), str(flag).lower())]
    + [(None, False)],
)
def test_flags(value: object, flag: bool) -> None:
    """A flag may be a boolean, 1 or 0, a text of any of these, or missing."""
    assert decode_user({"uid": "u", "hasBlockedMe": value}).has_blocked_me is flag
    assert value is None or structure(value, bool) is flag


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (str, 5, "The JSON must be text, not a number."),
        (str, ["x"], "The JSON must be text, not an array."),
        (bool, "yes", "The JSON must be true or false, not text."),
        (bool, "True", "The JSON must be true or false, not text."),
        (bool, 2, "The JSON must be true or false, not a number."),
        (bool, [], "The JSON must be true or false, not an array."),
        (Mapping[str, Any], "x", "The JSON must be an object, not text."),
        (Mapping[str, Any], [1], "The JSON must be an object, not an array."),
        (tuple[str, ...], "abc", "The JSON must be an array, not text."),
        (tuple[str, ...], {}, "The JSON must be an array, not an object."),
        (tuple[str, ...], ["a", True], "1 must be text, not a boolean."),
        (tuple[Interaction, ...], [{"elementId": "a"}, {}], "1.elementId is missing."),
    ],
)
def test_wrong_types(kind: Any, value: object, words: str) -> None:
    """The error has the path, the type that is needed and the one that is there, and never the value."""
    with pytest.raises(DecodeError) as caught:
        structure(value, kind)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "uid is missing."),
        ({"uid": None}, "uid is missing."),
        ({"uid": 5}, "uid must be text, not a number."),
        ({"uid": ["u"], "name": 5}, "uid must be text, not an array."),
    ],
)
def test_a_user_needs_a_uid(given: dict[str, object], words: str) -> None:
    """A user needs a uid and nothing else, and the error explains what is wrong with it."""
    with pytest.raises(DecodeError) as caught:
        decode_user(given)
    assert str(caught.value) == words
    assert caught.value.path == ("uid",)


def test_nothing_is_like_empty() -> None:
    """Null, and an empty array where an object is needed, count as empty."""
    assert decode_user({"uid": "u", "tags": None, "metadata": None, "name": None}) == User("u")
    assert decode_user({"uid": "u", "tags": [], "metadata": []}) == User("u")


@pytest.mark.parametrize("value", [None, [], "amy-2", 5])
def test_a_user_is_an_object(value: Any) -> None:
    """JSON that is no object is not a user."""
    with pytest.raises(DecodeError, match=r"^The JSON must be an object, not ") as caught:
        decode_user(value)
    assert caught.value.path == ()


def test_users_and_groups_are_distinguished_by_their_id() -> None:
    """An object with a guid is a group, and any other must be a user."""
    either: Any = User | Group
    assert structure({"guid": "g"}, either) == Group("g")
    assert structure({"uid": "u"}, either) == User("u")
    for value, words in (
        ({}, r"^uid is missing\.$"),
        ({"guid": 5, "uid": "u"}, r"^guid must be text, not a number\.$"),
    ):
        with pytest.raises(DecodeError, match=words):
            structure(value, either)


def test_users_may_come_as_an_object_or_as_an_array() -> None:
    """Mentions are users, in an object or in an array."""
    several: Any = tuple[User, ...]
    for value in ([{"uid": "a"}, {"uid": "b"}], {"a": {"uid": "a"}, "b": {"uid": "b"}}):
        assert structure(value, several) == (User("a"), User("b"))


def test_a_list_of_objects_is_bounded() -> None:
    """A list has at most 500 objects; of texts there may be as many as fit into a frame."""
    users = [{"uid": "u"}] * 500
    assert len(structure(users, tuple[User, ...])) == 500
    for more in ([*users, {"uid": "u"}], {str(number): {"uid": "u"} for number in range(501)}):
        with pytest.raises(DecodeError, match=r"^The JSON has more than 500 items\.$"):
            structure(more, tuple[User, ...])
    assert len(structure(["x"] * 5000, tuple[str, ...])) == 5000


def test_the_first_fault_ends_the_reading_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first invalid element of a list the others are not decoded."""
    looked: list[object] = []
    hook = converter.get_structure_hook(tuple[str, ...])
    before = UnfitError.for_a

    def for_a(needed: type, value: object, path: tuple[str, ...] = ()) -> UnfitError:
        looked.append(value)
        return before(needed, value, path)

    monkeypatch.setattr(UnfitError, "for_a", for_a)
    with pytest.raises(UnfitError):
        hook(["a", *range(10_000)], tuple[str, ...])
    assert looked == [0]


def test_a_message_inside_a_message_is_an_object() -> None:
    """JSON that is no object is not a message within a message."""
    inner = {"id": 1, "sender": "a", "receiver": "b", "category": "message", "type": "text"}
    assert structure(inner, Message).id == 1
    with pytest.raises(DecodeError, match=r"^The JSON must be an object, not an array\.$"):
        structure([inner], Message)
