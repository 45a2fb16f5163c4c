"""`cometconn.emulator.jsontext`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometconn.emulator.jsontext import parse, render

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _VALUES, max_size=4))
def test_what_is_rendered_is_parsed_again(value: dict[str, object]) -> None:
    """Every JSON object is rendered as ASCII and parsed back unchanged."""
    text = render(value)

    assert text.isascii()
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[1]",
        '"text"',
        "7",
        '{"a": NaN}',
        '{"a": -Infinity}',
        b"\xff\xfe\xfa",
        '{"a": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_json_object_is_none(text: str | bytes) -> None:
    """Text that is not JSON, JSON other than objects, and what only Python reads (`NaN`) are refused alike."""
    assert parse(text) is None


@pytest.mark.parametrize("depth", [65, 5_000, 200_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    """Text that is nested too deeply is refused, below and above Python's own limit."""
    assert parse('{"a":' + "[" * depth + "]" * depth + "}") is None


def test_moderate_nesting_is_read() -> None:
    """Sixty levels are read."""
    text = '{"a":' + "[" * 60 + "]" * 60 + "}"

    assert parse(text) == json.loads(text)


def test_nan_is_not_rendered() -> None:
    """What is not JSON is not written either."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        render({"a": float("nan")})
