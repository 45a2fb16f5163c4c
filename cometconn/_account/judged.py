"""Values that were read from a file, each returned as what it must be, or refused with `ValueError`."""

from __future__ import annotations

from typing import Any

from .session import is_token

__all__ = ["message_id", "moment", "nonempty", "structure", "token"]

_LARGEST_ID = 2**63 - 1
_LATEST = 253_402_300_799  # seconds since 1970: the end of the year 9999


def structure(value: object) -> dict[str, Any]:
    """Return *value*, which must be a JSON object."""
    if not isinstance(value, dict):
        raise _refused(value, "an object")
    return value


def nonempty(value: object) -> str:
    """Return *value*, which must be a text that can be sent: not empty, and without half a surrogate pair."""
    if not (isinstance(value, str) and value):
        raise _refused(value, "a text")
    value.encode()  # UnicodeEncodeError is a ValueError
    return value


def token(value: object) -> str:
    """Return *value*, which must be fit for a header and for a frame."""
    if not is_token(value):
        raise _refused(value, "a token")
    return value


def message_id(value: object) -> int:
    """Return *value*, which must be an integer that a message may have as its id, or 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_ID:
        raise _refused(value, "the id of a message")
    return value


def moment(value: object) -> float:
    """Return *value*, which must be a time in seconds since 1970, not after the year 9999."""
    if (
        isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST
    ):  # NaN is refused, too
        raise _refused(value, "a time")
    return value


def _refused(value: object, wanted: str) -> ValueError:
    return ValueError(f"{type(value).__name__} where {wanted} was expected")  # never the value: it may be a token
