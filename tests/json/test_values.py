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

from cometconn._json.signs import at_once
from cometconn._json.values import finite, parse, parse_in_steps, sendable

HALF = re.compile("[\ud800-\udfff]")
PARTS = (
    "\\ud83d",
    "\\uDE00",
    "\\uD83d",
    "\\ude00",
    "\\\\",
    "\\n",
    "\\u00e9",
    "\\/",
    '\\"',
    "\\u",
    "d83d",
    "a",
    "\u00e9",
    "\x00",
)


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


@given(
    st.lists(st.sampled_from(PARTS), max_size=9).map("".join),
    st.sampled_from(['"%s"', '["%s",1]', '{"%s":"%s"}', "%s"]),
)
@example("\\\\\\ud83d\\ude00", '"%s"')
@example("\\\\ud83d\\ude00", '"%s"')
@example("\\ud83d\\ud83d\\ude00\\ude00", '"%s"')
@example("\x00\\ud83d", '"%s"')
def test_halves_of_surrogate_pairs(inside: str, around: str) -> None:
    """Each becomes U+FFFD, a whole pair stays, and a backslash that is escaped begins no escape."""
    text = around.replace("%s", inside)
    expected = outcome(lambda text: cleaned(json.loads(text)), text)
    assert outcome(parse, text) == expected
    assert outcome(lambda text: parse(text.encode()), text) == expected


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
    """It is decoded all the same."""
    assert repr(parse(text)) == repr(value)


@pytest.mark.parametrize(
    "text",
    [b"1\x00", b"\xef\xbb\xbf[NaN]", "\ufeff[]", "", "x", "[1", '"\\ud83d', '"\\x"', "01", "\x00", '"\x00"', b"\xff"],
)
def test_what_is_no_json(text: str | bytes) -> None:
    """The strict parser's error says what is wrong."""
    with pytest.raises(msgspec.DecodeError):
        parse(text)


@pytest.mark.parametrize("more", ["", "x" * 100_000])
def test_numbers_that_are_not_finite_become_null(more: str) -> None:
    """In a copy of each array and object that JSON can hold; the others are the same in it."""
    text = f'{{"a":[NaN,1e999,-2.5,{"7" * 500},{{}}],"b":{{"c":[[-Infinity]],"d":"{more}"}}}}'
    parsed = at_once(parse_in_steps(text, 1_000))
    assert parsed.finite is not None
    inner = parsed.value["b"]["c"]
    assert repr(parsed.value["a"][:2]) == "[nan, inf]"
    assert finite(parsed.value, parsed.finite) == {"a": [None, None, -2.5, None, {}], "b": {"c": [[None]], "d": more}}
    assert finite(inner, parsed.finite) == [[None]]
    assert inner == [[-math.inf]]
    assert (finite(math.nan, {}), finite(1.5, {}), finite("x", {})) == (None, 1.5, "x")


@pytest.mark.parametrize("text", ["[1.5]", '["\\ud83d"]', '["\ud83d"]'])
def test_other_text_has_no_copies(text: str) -> None:
    """They would take milliseconds."""
    assert at_once(parse_in_steps(text, 1_000)).finite is None


def test_what_can_be_sent() -> None:
    """Half a surrogate pair and a number that is not finite cannot."""
    assert sendable({"\ud83d": [math.nan, 1.5, {"a": "\ud83d\ude00"}]}) == {
        "\ufffd": [None, 1.5, {"a": "\ufffd\ufffd"}]
    }
