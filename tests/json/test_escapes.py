"""Strings full of escapes are decoded piece by piece, to what they are when they are decoded at once."""

from __future__ import annotations

import json
import math
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cometconn._json import escapes
from cometconn._json.signs import at_once
from cometconn._json.values import Parsed, parse_in_steps

ESCAPES = ("\\n", "\\\\", '\\"', "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\/", "\\x", "\\u12", "\\")
OTHERS = ("a", "\u00e9", "\u20ac", "\U0001f600", '"', ',"', '":', "[", "]", "{", "}", "NaN", "\x00", "\ud800")
runs = st.builds("".join, st.lists(st.sampled_from(ESCAPES[:7]), min_size=1, max_size=4)).flatmap(
    lambda unit: st.integers(20, 60).map(lambda count: unit * count)
)
strings = st.lists(runs | st.sampled_from(OTHERS[:4] + ESCAPES[:7]), max_size=6).map(lambda parts: f'"{"".join(parts)}"')
texts = st.recursive(
    strings | st.sampled_from(["1", "NaN", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(strings | st.just('"a"'), inner), max_size=3).map(
            lambda members: f"{{{','.join(f'{name}:{value}' for name, value in members)}}}"
        )
    ),
    max_leaves=5,
)
garbage = st.lists(runs | st.sampled_from(ESCAPES + OTHERS), max_size=12).map("".join)


def parsed(text: str | bytes, *, in_pieces: bool) -> Parsed:
    """Return what becomes of *text*, in pieces of 40 bytes or at once."""
    with (
        mock.patch.object(escapes, "_LONG", 0 if in_pieces else math.inf),
        mock.patch.object(escapes, "_PIECE", 40),
    ):
        return at_once(parse_in_steps(text, 1_000_000))


def shown(outcome: Parsed) -> tuple[object, ...]:
    """Return what can be compared: NaN is not equal to itself, and errors are not, either."""
    return repr(outcome.value), outcome.exact, type(outcome.error), str(outcome.error)


@given(texts | garbage, st.booleans())
@example('["' + "\\ud83d\\ude00" * 40 + '"]', True)
@example('["' + "\\n\u20ac" * 40 + '"]', True)
@example('{"' + "\\n" * 80 + '":1,"a":"' + "\\n" * 80 + '","a":2}', False)
@settings(max_examples=500)
def test_the_value_is_the_same(text: str, as_bytes: bool) -> None:
    """Whatever the text is: also invalid, cut off, or with half a surrogate pair."""
    given_text = text.encode("utf-8", "surrogatepass") if as_bytes else text
    assert shown(parsed(given_text, in_pieces=True)) == shown(parsed(given_text, in_pieces=False))


@given(st.binary(max_size=200), st.integers(0, 100))
@example(b"\x80" * 100, 0)
def test_bytes_that_are_no_text(content: bytes, count: int) -> None:
    """Invalid UTF-8 gives the same as at once, too."""
    text = b'["' + b"\\n" * count + content + b"\\n" * count + b'"]'
    assert shown(parsed(text, in_pieces=True)) == shown(parsed(text, in_pieces=False))


UNITS = ["\\n", "\u20ac\\n", "\\\\", '\\"', "\\u00e9", "\\ud83d", "\\ud83d\\ude00", "\u00e9\\n", "a\\n"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_all_of_a_long_text_is_taken_out(unit: str, as_bytes: bool) -> None:
    """Nearly all of 1 MiB is decoded apart from the rest, in pieces of 64 KiB with a checkpoint after each."""
    decoded: list[bytes] = []

    def decode(piece: bytes) -> str:
        decoded.append(piece)
        return str(json.loads(piece))

    text = '{"a":["b","' + unit * (1_000_000 // len(unit)) + '"]}'
    steps, result = 0, None
    work = escapes.shorten(text.encode() if as_bytes else text, decode)
    while result is None:
        try:
            next(work)
        except StopIteration as end:
            result = end.value
            assert result is not None
        steps += 1
    assert len(result.text) < 3 * 64 * 1024
    assert max(map(len, decoded)) <= 64 * 1024 + 2
    assert steps >= len(decoded) > len(text) // (64 * 1024) - 3
    assert result.restored(json.loads(result.text)) == json.loads(text)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "[" * 1_000_000, "\\n" * 10_000, "\\n" * 1_000 + "a" * 1_000_000])
def test_nothing_is_taken_out_without_need(text: str) -> None:
    """A text with few escapes, and one that is short, is decoded as it is."""
    assert at_once(escapes.shorten(f'"{text}"', str)) is None  # type: ignore[arg-type]


def test_a_piece_in_a_name_is_missed() -> None:
    """The names of members are not searched, so such a text is decoded at once."""
    name: Any = "\\n" * 100_000
    with pytest.raises(ValueError, match="missing"):
        shortened = at_once(escapes.shorten(f'{{"{name}":1}}', json.loads))
        assert shortened is not None
        shortened.restored(json.loads(shortened.text))
