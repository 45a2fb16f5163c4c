"""Long JSON is decoded chunk by chunk, to what it is when it is decoded at once."""

from __future__ import annotations

import json
import math
from collections.abc import Generator
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cometconn._json import chunks, outermost, values
from cometconn._json.signs import at_once
from cometconn._json.values import Parsed, decode_in_steps, parse_in_steps

ESCAPES = ("\\n", "\\\\", '\\"', "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\/", "\\x", "\\u12", "\\")
OTHERS = ("a", "\u00e9", "\u20ac", "\U0001f600", '"', ',"', '":', "[", "]", "{", "}", "NaN", "\x00", "\ud800")
runs = st.builds("".join, st.lists(st.sampled_from(ESCAPES[:7]), min_size=1, max_size=4)).flatmap(
    lambda unit: st.integers(20, 60).map(lambda count: unit * count)
)
strings = st.lists(runs | st.sampled_from(OTHERS[:4] + ESCAPES[:7]), max_size=6).map(
    lambda parts: f'"{"".join(parts)}"'
)
texts = st.recursive(
    strings | st.sampled_from(["1", "-2.5e3", "NaN", "null", " 1 ", "", "1 2"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(strings | st.just('"a"'), inner), max_size=3).map(
            lambda members: f"{{{','.join(f'{name}:{value}' for name, value in members)}}}"
        )
    ),
    max_leaves=5,
)
SIGNS = (*',:[]{}" 0a\\', "\x0c", "")


@st.composite
def nearly_json(draw: st.DrawFn) -> str:
    """Return JSON with a sign too much, too little, or in the place of another."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(SIGNS)) + text[at + draw(st.integers(0, 1)) :]


garbage = st.lists(runs | st.sampled_from(ESCAPES + OTHERS), max_size=12).map("".join)


def parsed(text: str | bytes, *, in_chunks: bool) -> Parsed:
    """Return what becomes of *text*, in chunks of 40 bytes or at once."""
    with (
        mock.patch.object(chunks, "CHUNK", 40),
        mock.patch.multiple(outermost, _PIECE=16, _LARGEST=64),
        mock.patch.object(values, "CHUNK", 0 if in_chunks else math.inf),
    ):
        return at_once(parse_in_steps(text, 1_000_000))


def shown(outcome: Parsed) -> tuple[object, ...]:
    """Return what can be compared: NaN is not equal to itself. What is wrong in a text is another thing in one of its chunks."""
    return (
        repr(outcome.value),
        outcome.finite is None,
        [isinstance(outcome.error, kind) for kind in (ValueError, RecursionError)],
    )


@given(texts | nearly_json() | garbage, st.booleans())
@example('["' + "\\ud83d\\ude00" * 40 + '"]', True)
@example('["' + "\\n\u20ac" * 40 + '"]', True)
@example('["xxxx' + "\\\\ud83d\\ude00" * 40 + '"]', True)
@example(f'["a":"{"x" * 80}"]', False)
@example(f'["a",\x0c"{"x" * 80}"]', False)
@example(f'{{1:"{"x" * 80}"}}', False)
@example(f'["{"x" * 80}",]', False)
@example(" " * 90 + f'["{"x" * 80}",[{" " * 90}],1{" " * 90}]' + " " * 90, True)
@example("[" * 30 + f'"{"x" * 80}"' + "]" * 30, True)
@example("1" * 80 + " ", True)
@example("1" * 80 + "x", True)
@example("1" * 80 + " 1", True)
@example("\ufeff[]" + " " * 80, True)
@example("\ud83d" + '"\ud83d"' * 80, False)
@example('"' + "\ud83d\\ude00" * 80 + '"', False)
@example("[" + "," * 80 + "]", True)
@example("[" + ":" * 80 + "]", True)
@example("[" + '"' * 80 + "]", True)
@example("[" * 80, True)
@example("[" * 80 + "}" * 80, True)
@example('{"' + "\\n" * 80 + '":1,"a":"' + "\\n" * 80 + '","a":2}', False)
@settings(max_examples=1_000)
def test_the_value_is_the_same(text: str, as_bytes: bool) -> None:
    """Whatever the text is: also invalid, cut off, or with half a surrogate pair."""
    given_text = text.encode("utf-8", "surrogatepass") if as_bytes else text
    assert shown(parsed(given_text, in_chunks=True)) == shown(parsed(given_text, in_chunks=False))


@given(st.binary(max_size=200), st.integers(0, 100))
@example(b"\x80" * 100, 0)
def test_bytes_that_are_no_text(content: bytes, count: int) -> None:
    """Invalid UTF-8 gives the same as at once, too."""
    text = b'["' + b"\\n" * count + content + b"\\n" * count + b'"]'
    assert shown(parsed(text, in_chunks=True)) == shown(parsed(text, in_chunks=False))


UNITS = ["\\n", "\\\\", '\\"', "\\u00e9", "\\ud83d", "\\ud83d\\ude00", "\u20ac", "\u20ac\\n", "a\\n"]
NAMES = ",".join('"' + "\\n" * 50 + f'{number}":1' for number in range(9_000))
LONG = {unit: f'"{unit * (1_000_000 // len(unit.encode()))}"' for unit in UNITS} | {
    "names": f"{{{NAMES}}}",
    "texts": json.dumps(["\n" * 60] * 8_000),
    "digits": f"[{','.join(['7' * 4_000] * 250)}]",
    "a name": json.dumps({"\n" * 500_000: 1}),
}


DIGITS = LONG["digits"]


def counted(text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[Parsed, list[int], int]:
    """Return what becomes of *text*, how many bytes were decoded at once each time, and in how many steps."""
    decoded: list[int] = []
    steps = 0

    def decode(chunk: bytes) -> Any:
        decoded.append(len(chunk))
        return original(chunk)

    def counting() -> Generator[None, None, Parsed]:
        nonlocal steps
        work = parse_in_steps(text, 1_000_000)
        while True:
            steps += 1
            try:
                next(work)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            yield

    original = values._decode
    with monkeypatch.context() as patch:
        patch.setattr(values, "_decode", decode)
        return at_once(counting()), decoded, steps


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_no_long_part_is_decoded_at_once(what: str, as_bytes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1 MiB at most 64 KiB are decoded between two checkpoints, and what is strictly valid once."""
    text = f'{{"a" : {{ "b":[1, {LONG[what]} ],"c":{{}}}}}}'
    outcome, decoded, steps = counted(text.encode() if as_bytes else text, monkeypatch)
    assert (outcome.value, outcome.finite is None) == at_once(values._at_once(text))
    assert max(decoded) <= 64 * 1024 + 2
    assert sum(decoded) <= len(text.encode()) * (2 if "\\ud83d" in what else 1) + 1_000
    assert steps > len(decoded) / 2


INVALID = {
    "another bracket": f"{DIGITS}]",
    "a wrong bracket": f"{DIGITS[:-1]}}}",
    "no bracket": DIGITS[:-1],
    "a name without a value": f'{{"a":{DIGITS},"b"}}',
    "a word at the end": f"[{DIGITS},x]",
    "a colon in a list": f"[{DIGITS}:1]",
    "a word at the beginning": f"[x,{DIGITS}]",
    "a word before": f"x{DIGITS}",
    "a number before": f"1{DIGITS}",
    "a byte order mark": f"\ufeff{DIGITS}",
    "an unknown escape": f'{LONG["texts"][:-1]},"\\x"]',
    "a long word": "x" * 1_000_000,
    "colons": "[" + ":" * 1_000_000 + "]",
    "quotes": "[" + '"' * 1_000_000 + "]",
    "too many levels": "[" * 101 + DIGITS + "]" * 101,
}


@pytest.mark.parametrize("what", INVALID)
def test_no_long_part_of_invalid_json_is_decoded_at_once(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be decoded holds the loop no longer, and an error says that it is not JSON, or too deep."""
    text = INVALID[what]
    outcome, decoded, steps = counted(text, monkeypatch)
    assert isinstance(outcome.error, (msgspec.DecodeError, RecursionError))
    assert max(decoded, default=0) <= 64 * 1024 + 2
    assert sum(decoded) <= len(text) + 1_000
    if what == "too many levels":
        assert decoded == []
    else:
        assert steps < 200  # each level is a pass


@pytest.mark.parametrize(
    "text",
    [
        f"{' ' * 10_000}{DIGITS}{' ' * 10_000}",
        f"[{' ' * 70_000}{DIGITS}{' ' * 70_000},{DIGITS}]",
        f'{{"a"{" " * 70_000}:{" " * 70_000}{DIGITS}}}',
        "[" * 99 + DIGITS + "]" * 99,
        '{"a":' * 99 + DIGITS + "}" * 99,
        f'[{LONG["texts"]},"\ud83d"]',
    ],
    ids=["around", "in a list", "in an object", "99 lists", "99 objects", "half a pair"],
)
def test_neither_spaces_nor_depth_make_a_part_longer(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """White space around values may be of any length, and values may have as many levels as are kept."""
    outcome, decoded, _ = counted(text, monkeypatch)
    expected = at_once(values._at_once(text))
    assert (outcome.value, outcome.finite is None) == expected
    assert outcome.error is None
    assert max(decoded) <= 64 * 1024 + 2


def test_a_long_number() -> None:
    """It has no parts, so it is decoded at once, which takes 2 ms for a million digits."""
    outcome = at_once(parse_in_steps("7" * 1_000_000, 10))
    assert outcome.value == math.inf


def test_a_list_of_spaces() -> None:
    """It is empty, however long it is."""
    assert at_once(parse_in_steps(f"[[{' ' * 100_000}],{{{' ' * 100_000}}}]", 10)).value == [[], {}]


def test_what_is_too_deep_for_a_frame_is_cleaned_all_the_same() -> None:
    """Answers of the REST API may have one level more than frames."""
    value, _ = at_once(decode_in_steps('{"a":' * 101 + '"\\ud83d"' + "}" * 101, 101))
    for _ in range(101):
        value = value["a"]
    assert value == "\ufffd"
