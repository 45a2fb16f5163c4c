"""Events that are being made, and the values they are made of."""

from __future__ import annotations

import datetime
from typing import Any

import attrs
import pytest

from cometconn._wire.opened import OddError, moment, number, opened, seal
from cometconn.events import Attachment


def test_a_sealed_twin_is_the_real_thing() -> None:
    """Open it takes any attribute of its class and no other; sealed it is frozen, and of that class."""
    twin: Any = opened(Attachment)()
    with pytest.raises(AttributeError):
        twin.no_such_thing = 1
    for name in ("url", "name", "extension", "mime_type", "size"):
        setattr(twin, name, None)
    sealed = seal(twin, Attachment)
    assert sealed == Attachment()
    assert type(sealed) is Attachment
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        sealed.url = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "whole"), [(5, 5), ("5", 5), ("007", 7), (-(2**63), -(2**63)), ("9" * 18, 10**18 - 1)]
)
def test_numbers(value: int | str, whole: int) -> None:
    """Ids are numbers, or numbers as text."""
    assert number(value) == whole


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "", "-5", "+5", "1_0", " 5", "5.0", "٣", "²", "9" * 19])
def test_odd_numbers(value: int | str) -> None:
    """What might not be a number, or not of 64 bits, is for the reference."""
    with pytest.raises(OddError):
        number(value)


def test_moments() -> None:
    """Seconds since 1970; 0 and nothing are never."""
    assert moment(1800000200) == datetime.datetime(2027, 1, 15, 8, 3, 20, tzinfo=datetime.UTC)
    assert moment(0) is moment(None) is None
