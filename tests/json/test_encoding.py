"""What the application gives becomes compact JSON, or an error that says why not."""

from __future__ import annotations

import json
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometconn._json.encoding import NoJsonError, json_text

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_it_is_what_was_given(value: Any) -> None:
    """Every JSON value comes back from its text."""
    assert json.loads(json_text(value)) == value


def test_it_is_compact_and_not_escaped() -> None:
    """Without spaces, in UTF-8, and for every kind of mapping."""
    assert json_text({"a": [1, types.MappingProxyType({"é": None})]}) == '{"a":[1,{"é":null}]}'


def _nested() -> list[Any]:
    outer: list[Any] = []
    outer.append(outer)
    return outer


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "not JSON compliant"),
        ({1, 2}, "set has no JSON form"),
        ({"a": b"bytes"}, "bytes has no JSON form"),
        ("\ud800", "surrogates not allowed"),
        (_nested(), "Circular reference"),
        ({(): 1}, "keys must be str"),
    ],
)
def test_what_has_no_json_form_is_named(value: Any, why: str) -> None:
    """The error is ours, shows the reason, and keeps nothing of the value."""
    with pytest.raises(NoJsonError, match=why) as refused:
        json_text(value)
    assert refused.value.__suppress_context__
