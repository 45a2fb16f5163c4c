"""JSON that is not strictly valid becomes what Python's own parser makes of it, without halves of surrogate pairs."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cometconn._json.values import parse, sendable

HALF = re.compile("[\ud800-\udfff]")
PARTS = ("\\ud83d", "\\uDE00", "\\uD83d", "\\ude00", "\\\\", "\\n", "\\u00e9", "\\/", '\\"', "\\u", "d83d", "a", "\u00e9", "\x00")


def cleaned(value: Any) -> Any:
    """Return what the decoder should make of a value that Python's parser made."""
    if isinstance(value, str):
        return HALF.sub("\ufffd", value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned(item) for name, item in value.items()}
    return [cleaned(item) for item in value] if isinstance(value, list) else value


def outcome(parse: Any, text: str) -> Any:
    """Return the value, or that there is none. NaN is not equal to itself."""
    try:
        return repr(parse(text))
    except ValueError:
        return "an error"


@given(st.lists(st.sampled_from(PARTS), max_size=9).map("".join), st.sampled_from(['"%s"', '["%s",1]', '{"%s":"%s"}', "%s"]))
@example("\\\\\\ud83d\\ude00", '"%s"')
@example("\\\\ud83d\\ude00", '"%s"')
@example("\\ud83d\\ud83d\\ude00\\ude00", '"%s"')
@example("\x00\\ud83d", '"%s"')
def test_halves_of_surrogate_pairs(inside: str, around: str) -> None:
    """Each becomes U+FFFD, a whole pair stays, and a backslash that is escaped begins no escape."""
    text = around.replace("%s", inside)
    expected = outcome(lambda text: cleaned(json.loads(text)), text)
    assert outcome(lambda text: parse(text)[0], text) == expected
    assert outcome(lambda text: parse(text.encode())[0], text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", math.nan),
        ('[NaN,"\\ud83d"]', [math.nan, "\ufffd"]),
        ("-Infinity", -math.inf),
        ("1e999", math.inf),
        ("7" * 5_000, math.inf),
        ("-" + "7" * 5_000, -math.inf),
        (b'"\xff\xe2\x82"', "\ufffd\ufffd"),
        ('"\ud83d"', "\ufffd"),
    ],
)
def test_what_json_does_not_allow(text: str | bytes, value: Any) -> None:
    """It is decoded all the same, and said to be not strictly valid."""
    found, exact = parse(text)
    assert (repr(found), exact) == (repr(value), False)


@pytest.mark.parametrize("text", ["", "x", "[1", '"\\ud83d', '"\\x"', "01", "\x00", '"\x00"', b"\xff"])
def test_what_is_no_json(text: str | bytes) -> None:
    """The strict parser's error says what is wrong."""
    with pytest.raises(msgspec.DecodeError):
        parse(text)


def test_what_can_be_sent() -> None:
    """Half a surrogate pair and a number that is not finite cannot."""
    assert sendable({"\ud83d": [math.nan, 1.5, {"a": "\ud83d\ude00"}]}) == {"\ufffd": [None, 1.5, {"a": "\ufffd\ufffd"}]}
