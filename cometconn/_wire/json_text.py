"""Text from a server to JSON values: cleaned, bounded, and bare of what could not be sent back."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import msgspec

from cometconn._json_parts import has_too_many_items
from cometconn._nesting import is_too_deep
from cometconn.errors import DecodeError

__all__ = ["parse", "sendable"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOST_DIGITS: Final = 400
"""A number with more is infinite to CometChat's own clients, whose numbers are doubles."""
_decode: Final = msgspec.json.Decoder().decode


def parse(text: str, max_items: int) -> tuple[Any, bool]:
    """Return the JSON value that *text* is, and whether it is JSON by the letter.

    What servers write in spite of the letter is read as CometChat's own clients would read it: half a surrogate pair
    is U+FFFD, a number that is too large is infinite, and `NaN` is one, too.

    Raises:
        DecodeError: it has more than *max_items* arrays, objects and commas outside text: reading them would take long.
        Exception: it cannot be read.
    """
    if has_too_many_items(text, max_items):
        message = f"The JSON has more than {max_items} items (max_items of AppSettings.limits)."
        raise DecodeError(message)
    exact = True
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        exact = False
        try:
            value = _without_surrogates(json.loads(text, parse_int=_to_number))
        except ValueError:
            raise error from None
    if is_too_deep(value, text):
        raise RecursionError  # told like a depth at which the parser gives up
    return value, exact


def sendable(value: Any) -> Any:
    """Return a copy of a JSON value in which everything has a JSON form: a number that is not finite is null."""
    if isinstance(value, dict):
        return {key: sendable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sendable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _to_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
