"""Validation of what was read from a store: each value is returned if it is valid, else `ValueError` is raised."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from .session import is_token

__all__ = ["json_object", "message_id", "nonempty_text", "parse", "timestamp", "token"]

_LARGEST_ID = 2**63 - 1
_LATEST = 253_402_300_799  # seconds since 1970: the end of the year 9999


def parse(text: str, *, limit: int, schemas: Collection[int]) -> dict[str, Any]:
    """Return the JSON object in *text*.

    Args:
        text: the text form of a saved session or position.
        limit: the most characters that it may have.
        schemas: the values that its `schema` may have.
    """
    if len(text) > limit:
        message = "too long"
        raise ValueError(message)
    try:
        data = json_object(json.loads(text))
        schema = data["schema"]
    except (KeyError, RecursionError) as error:
        message = "not the text form of a saved object"
        raise ValueError(message) from error
    if type(schema) is not int or schema not in schemas:
        message = "of another version"
        raise ValueError(message)
    return data


def json_object(value: object) -> dict[str, Any]:
    """Return *value* if it is a JSON object."""
    if not isinstance(value, dict):
        raise _invalid(value, "an object")
    return value


def nonempty_text(value: object) -> str:
    """Return *value* if it is a text that can be sent: not empty, and encodable in UTF-8."""
    if not (isinstance(value, str) and value):
        raise _invalid(value, "a text")
    value.encode()  # UnicodeEncodeError, for half a surrogate pair, is a ValueError
    return value


def token(value: object) -> str:
    """Return *value* if it is a token, which can be sent in a header and in a frame."""
    if not is_token(value):
        raise _invalid(value, "a token")
    return value


def message_id(value: object) -> int:
    """Return *value* if it is an integer from 0 to the largest id that a message can have."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_ID:
        raise _invalid(value, "the id of a message")
    return value


def timestamp(value: object) -> float:
    """Return *value* if it is a time in seconds since 1970, up to the year 9999. NaN is refused, too."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise _invalid(value, "a time")
    return value


def _invalid(value: object, wanted: str) -> ValueError:
    # The message never contains the value, which may be a token.
    return ValueError(f"{type(value).__name__} where {wanted} was expected")
