"""How deeply JSON may be nested."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._json.json_depth import DEEPEST, is_too_deep
from cometconn._wire.decoder import Decoder, decode, decode_message
from cometconn.errors import DecodeError
from cometconn.events import UnknownEvent, UnreadableFrame

JSON = st.recursive(
    st.integers() | st.text("[{}]x"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("[{"), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    """The definition, for values that are not too deep for it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(
    JSON, st.integers(DEEPEST - 12, DEEPEST + 3), st.lists(st.booleans(), min_size=DEEPEST + 3, max_size=DEEPEST + 3)
)
@settings(max_examples=150, deadline=None)
def test_the_depth_is_counted(core: Any, around: int, as_list: list[bool]) -> None:
    """By arrays and objects, and not by brackets in texts; with the text at hand or without it."""
    value = core
    for number in range(around):
        value = [0, value, 1] if as_list[number] else {"a": "[[", "b": value}
    expected = depth_of(value) > DEEPEST
    assert is_too_deep(value) == expected
    assert is_too_deep(value, json.dumps(value)) == expected


def test_many_brackets_are_not_deep() -> None:
    """However wide it is."""
    wide = [[{}, []] for _ in range(10_000)]
    assert not is_too_deep(wide, json.dumps(wide))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_frame_may_be_so_deep_and_no_deeper(opening: str) -> None:
    """What is let through can be copied and written by whoever gets it; what is not is still there as text."""
    closing = "]" if opening == "[" else "}"

    def frame(depth: int) -> str:
        return '{"type":"new","body":' + opening * (depth - 1) + "1" + closing * (depth - 1) + "}"

    fine = decode(frame(DEEPEST), own_uid=None, session_id=None)
    assert isinstance(fine, UnknownEvent)
    assert copy.deepcopy(fine.raw) == fine.raw
    patient = Decoder(None, None, max_items=10**6)  # else so many items are a fault of their own
    for depth in (DEEPEST + 1, 500, 950, 100_000):
        bad = patient.decode(text := frame(depth))
        assert isinstance(bad, UnreadableFrame)
        assert bad.raw == text
        assert isinstance(bad.error, DecodeError)
        assert "too deeply" in str(bad.error)


def test_a_missed_message_that_is_too_deep_costs_itself_only() -> None:
    """The others of its page are read."""
    deep: Any = 1
    for _ in range(DEEPEST + 1):
        deep = [deep]
    assert isinstance(decode_message({"id": "1", "data": deep}), UnreadableFrame)
