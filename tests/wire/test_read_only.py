"""JSON that several events share."""

from __future__ import annotations

import pytest

from cometconn._wire.read_only import NOTHING, read_only


def test_nothing_in_it_can_be_changed() -> None:
    """No method and no operator changes an object or an array in it, and it equals the JSON that it was made from."""
    value = {"a": {"b": [1, {"c": None}]}, "d": []}
    made = read_only(value)
    for one in (made, made["a"], made["a"]["b"][1], NOTHING):
        for call in ("clear", "popitem", "__ior__", "pop", "update", "setdefault", "__setitem__", "__delitem__"):
            with pytest.raises(TypeError, match="cannot be changed"):
                getattr(one, call)("b")
    calls = ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort", "__setitem__", "__delitem__")
    for one in (made["a"]["b"], made["d"]):
        for call in (*calls, "__iadd__", "__imul__"):
            with pytest.raises(TypeError, match="cannot be changed"):
                getattr(one, call)(0)
    assert made == value
    assert NOTHING == {}


def test_what_it_was_made_of_can_still_be_changed() -> None:
    """The JSON that it was made from can be changed and is not affected: all levels are copied."""
    value = {"a": [1]}
    made = read_only(value)
    value["a"].append(2)
    assert made == {"a": [1]}
