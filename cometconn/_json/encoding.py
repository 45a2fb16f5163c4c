"""Encodes what the application gives as the JSON that a server accepts."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["NoJsonError", "json_text"]


class NoJsonError(Exception):
    """A value has no JSON form; the text is why."""


def json_text(value: Any) -> str:
    """Return *value* as compact JSON; mappings need not be `dict`s. Raises `NoJsonError`."""
    try:
        text = _encoder().encode(value)
        text.encode()  # half a surrogate pair has no place in UTF-8, so not in a text frame or a request either
    except (TypeError, ValueError, RecursionError) as error:
        # Not chained: a UnicodeEncodeError holds the whole text.
        raise NoJsonError(error.reason if isinstance(error, UnicodeEncodeError) else str(error)) from None
    return text


@functools.cache  # `json.dumps()` would make one for each text, which takes longer than the text
def _encoder() -> json.JSONEncoder:
    return json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_as_dict)


def _as_dict(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
