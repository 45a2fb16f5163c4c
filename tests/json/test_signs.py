"""The structural characters of JSON are counted, and those inside of strings are not."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._json import signs
from cometconn._json.signs import DEEPEST, has_too_many_items, is_too_deep, may_be_too_deep

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
JSON = st.recursive(
    st.integers() | st.text("[{}]x"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("[{"), inner, max_size=4),
    max_leaves=30,
)


def items(text: str) -> tuple[int, int]:
    """Return the number of items outside of strings, and of quotes, by looking at one character after the other."""
    count = quotes = at = 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in {"\\", '"'}:
            at += 2
            continue
        quotes += text[at] == '"'
        count += text[at] in "[{," and quotes % 2 == 0
        at += 1
    return count, quotes


def count(text: str | bytes, most: int, piece: int) -> bool:
    """Return whether *text* has too many items, with short texts counted, too, and in pieces of *piece* characters."""
    with mock.patch.object(signs, "UNCOUNTED", -1), mock.patch.object(signs, "_PIECE", piece):
        return has_too_many_items(text, most)


@given(st.lists(json_values, max_size=6), st.integers(0, 60), st.integers(1, 30), st.booleans(), st.booleans())
def test_items_are_counted_outside_of_strings(
    values: list[object], most: int, piece: int, plain: bool, as_bytes: bool
) -> None:
    """The result equals that of a simple model, whatever the form of the JSON."""
    text = json.dumps(values, ensure_ascii=plain)
    assert count(text.encode("utf-8", "surrogatepass") if as_bytes else text, most, piece) == (items(text)[0] > most)


@given(st.text(st.sampled_from('"\\[{,x\u00e9'), max_size=80), st.integers(0, 20), st.integers(1, 30))
def test_items_of_any_text(text: str, most: int, piece: int) -> None:
    """The result equals the model's, except for text with more strings than its items can have, which is not JSON."""
    found, quotes = items(text)
    if found <= most and quotes > 4 * most + 2:
        assert not _is_json(text)
    else:
        assert count(text, most, piece) == (found > most)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "too_many"),
    [
        (b"[" + b"1," * 8_190 + b"1]", False),  # 16 KiB and less is not counted
        (b"[" + b"1," * 10_000 + b"1]", True),
        (b"[" + b"1," * 9_999 + b"1]", False),
        (b'["' + b"[{,\\\\\\" * 200_000 + b'"]', False),
        (b'["' + b"\\\\" * 500_000 + b'"' + b",1" * 10_000 + b"]", True),
        (b"[" + b'"[,",' * 9_999 + b"1]", False),
        (b"{" + b'"{{":"\\"[,",' * 9_999 + b'"x":1}', False),
        (b"{" + b'"{{":"\\"[,",' * 10_000 + b'"x":1}', True),
        ("[" + '"\u4e2d[",' * 9_999 + "1]", False),
        (b"[" * 1_000_000, True),
        ("[" + "1," * 32_767 + '"\u4e2d"' + ",1" * 5_000 + "]", True),  # more than one piece
        ('["' + "\u4e2d[" * 70_000 + '\\"[' * 9_000 + '"' + ",1" * 9_998 + "]", False),
        ('["' + "\u4e2d[" * 70_000 + '\\"[' * 9_000 + '"' + ",1" * 10_000 + "]", True),
        (b'"' * 1_000_000 + b"," * 20_000, True),
    ],
    ids=range(14),
)
def test_items_of_long_texts(text: str | bytes, too_many: bool) -> None:
    """10,000 items are accepted, and one more is not; items inside of strings do not count."""
    assert has_too_many_items(text, 10_000) == too_many


def depth_of(value: object) -> int:
    """Return the depth of *value*, by its definition."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(
    JSON,
    st.integers(DEEPEST - 12, DEEPEST + 3),
    st.lists(st.booleans(), min_size=DEEPEST + 3, max_size=DEEPEST + 3),
)
@settings(max_examples=150, deadline=None)
def test_the_depth_is_counted(core: Any, around: int, as_list: list[bool]) -> None:
    """Arrays and objects count, and brackets in texts do not; of a text that is too deep the brackets are many."""
    value = core
    for number in range(around):
        value = [0, value, 1] if as_list[number] else {"a": "[[", "b": value}
    expected = depth_of(value) > DEEPEST
    assert is_too_deep(value) == expected
    assert is_too_deep(value, DEEPEST - 3) == (depth_of(value) > DEEPEST - 3)
    assert may_be_too_deep(json.dumps(value)) or not expected


def test_many_brackets_are_not_deep() -> None:
    """A value may have any number of brackets that are not nested."""
    wide = [[{}, []] for _ in range(10_000)]
    assert not is_too_deep(wide)
    assert may_be_too_deep(json.dumps(wide))
    assert not may_be_too_deep("[{" * (DEEPEST // 2) + " " * DEEPEST)
