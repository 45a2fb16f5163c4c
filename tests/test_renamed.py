"""Previous names of public classes."""

from __future__ import annotations

import pytest

from cometconn._renamed import previous_name


def test_the_warning_names_the_line_that_used_the_name() -> None:
    """A module's `__getattr__` is one call, and the program that used the name is the next one."""

    def getattr_of_a_module(name: str) -> object:
        return previous_name("shop", {"Old": int}, name)

    with pytest.warns(DeprecationWarning, match=r"^shop\.Old is deprecated .* use int\.$") as caught:
        assert getattr_of_a_module("Old") is int
    assert [warning.filename for warning in caught] == [__file__]


def test_other_names_are_unknown() -> None:
    """A name that never was one is an `AttributeError`, as for any module."""
    with pytest.raises(AttributeError, match=r"^module 'shop' has no attribute 'Young'$"):
        previous_name("shop", {"Old": int}, "Young")
