"""The outermost signs of JSON are found, whatever is inside, in pieces of any size."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._json import outermost as module
from cometconn._json.outermost import outermost, trimmed

json_values = st.recursive(
    st.none() | st.integers() | st.text('[]{},:"\\x'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{},:"\\x', max_size=5), inner, max_size=4),
    max_leaves=20,
)


def signs_of(text: str) -> list[tuple[bytes, int]]:
    """Return the outermost signs, by looking at one character after the other."""
    found, depth, at = [], 0, 0
    while at < len(text):
        if text[at] == '"':
            at += 1
            while text[at] != '"':
                at += 1 + (text[at] == "\\")
        depth += (text[at] in "[{") - (text[at] in "]}")
        if (depth == 1 and text[at] in ",:") or (depth == 0 and text[at] in "]}"):
            found.append((text[at].encode(), at))
        at += 1
    return found


def pieces_of(size: int) -> mock._patch_pass_arg[object]:
    """Let JSON be looked at in pieces of *size* bytes, with a checkpoint after each few."""
    return mock.patch.multiple(
        module, _PIECE=size, _LARGEST=4 * size, _AT_ONCE=4, _PER_TOKEN_PASSED=2, _PER_TOKEN_SEARCHED=2
    )


@given(st.lists(json_values, max_size=6) | st.dictionaries(st.text(), json_values, max_size=6), st.integers(1, 40))
@settings(max_examples=300)
def test_the_signs_are_those_of_a_model(value: object, size: int) -> None:
    """Of valid JSON each comma and colon between the outermost parts is found, and the last bracket."""
    text = json.dumps(value)
    with pieces_of(size):
        found = [sign for sign in outermost(memoryview(text.encode()), 1_000_000) if sign is not None]
    assert found == signs_of(text)


@pytest.mark.parametrize(
    "inside", ['"' + "x" * 1_000_000 + '"', "7" * 1_000_000, "[]," * 300_000 + "1", '"a",' * 200_000 + "1"]
)
@pytest.mark.parametrize("around", ["[{}]", "[[{}]]"])
def test_there_is_a_checkpoint_every_64_kib(inside: str, around: str) -> None:
    """Also where nothing is found: in a long string, a long number, and inside of other brackets."""
    text = memoryview(around.replace("{}", inside).encode())
    assert list(outermost(text, 10_000_000)).count(None) >= len(text) // (64 * 1024) - 1


@pytest.mark.parametrize("text", ["[]]", "[[]", "[1]2]", '["', '[]"]', "[[]]]"])
def test_brackets_that_do_not_match_are_refused(text: str) -> None:
    """The last one must belong to the first."""
    with pytest.raises(ValueError, match="do not match"):
        list(outermost(memoryview(text.encode()), 100))


def test_too_many_tokens_are_refused() -> None:
    """So that a caller without checkpoints is not blocked."""
    assert list(outermost(memoryview(b"[1,2,3]"), 4))
    with pytest.raises(ValueError, match="do not match"):
        list(outermost(memoryview(b"[1,2,3]"), 3))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b" \t\r\n[1] \n", b"[1]"),
        (b"\x0c[1]\x0b", b"\x0c[1]\x0b"),
        (b"  ", b""),
        (b" " * 5_000 + b"1 2" + b"\n" * 5_000, b"1 2"),
        (b" " * 5_000, b""),
    ],
)
def test_only_the_white_space_of_json_is_trimmed(text: bytes, left: bytes) -> None:
    """A form feed is none."""
    assert bytes(trimmed(memoryview(text))) == left
