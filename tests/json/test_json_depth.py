"""The limit for the nesting of JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._json.json_depth import DEEPEST, is_too_deep, may_be_too_deep

JSON = st.recursive(
    st.integers() | st.text("[{}]x"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("[{"), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    """Return the depth of *value*, by its definition."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(
    JSON, st.integers(DEEPEST - 12, DEEPEST + 3), st.lists(st.booleans(), min_size=DEEPEST + 3, max_size=DEEPEST + 3)
)
@settings(max_examples=150, deadline=None)
def test_the_depth_is_counted(core: Any, around: int, as_list: list[bool]) -> None:
    """Arrays and objects count, and brackets in texts do not; of a text that is too deep the brackets are many."""
    value = core
    for number in range(around):
        value = [0, value, 1] if as_list[number] else {"a": "[[", "b": value}
    expected = depth_of(value) > DEEPEST
    assert is_too_deep(value) == expected
    assert may_be_too_deep(json.dumps(value)) or not expected


def test_many_brackets_are_not_deep() -> None:
    """A value may have any number of brackets that are not nested."""
    wide = [[{}, []] for _ in range(10_000)]
    assert not is_too_deep(wide)
    assert may_be_too_deep(json.dumps(wide))
    assert not may_be_too_deep("[{" * (DEEPEST // 2) + " " * DEEPEST)
