"""Decodes JSON from a server. What is not strictly valid is decoded as CometChat's own SDKs decode it, and cleaned."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NamedTuple

import msgspec

from .signs import UNCOUNTED, count_items

__all__ = ["FirstHalf", "first_half", "lenient", "parse", "second_half", "sendable"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOST_HALVES: Final = 8  # different ones
_MOST_DIGITS: Final = 400
"""A number with more digits is infinite in CometChat's own SDKs, whose numbers are doubles."""
_decode: Final = msgspec.json.Decoder().decode


class FirstHalf(NamedTuple):
    """What is known of a text after the first half of the work on it.

    Attributes:
        text: the text.
        items: its items, as `count_items()` counts them.
        value: its value, if it is strictly valid.
        error: why it has none; `None` if it has one, or was not decoded because it has too many items.
    """

    text: str | bytes
    items: int
    value: Any = None
    error: Exception | None = None


def first_half(text: str | bytes, max_items: int) -> FirstHalf:
    """Count the items of *text*, and decode it if they are not too many and it is strictly valid.

    For 1 MiB each half takes up to 4 ms, so that other tasks should run in between.
    """
    items = count_items(text, max_items)
    if items > max_items and len(text) > UNCOUNTED:
        return FirstHalf(text, items)
    try:
        return FirstHalf(text, items, _decode(text))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return FirstHalf(text, items, error=error)


def second_half(half: FirstHalf) -> tuple[Any, bool]:
    """Return the JSON value, and whether the text is strictly valid; if not, `lenient()` decoded it.

    Raises:
        Exception: it cannot be decoded.
    """
    if half.error is None:
        return half.value, True
    if isinstance(half.error, RecursionError):
        raise half.error
    try:
        return lenient(half.text), False
    except ValueError:
        raise half.error from None


def parse(text: str | bytes) -> tuple[Any, bool]:
    """Return what `second_half()` returns, for a *text* with any number of items.

    Raises:
        Exception: it cannot be decoded.
    """
    try:
        return _decode(text), True
    except (msgspec.DecodeError, UnicodeError) as error:
        return second_half(FirstHalf(text, 0, error=error))


def lenient(text: str | bytes) -> Any:
    """Return the JSON value in *text*, and accept what JSON does not allow but Python's parser does.

    Half a surrogate pair becomes U+FFFD, a number that is too large becomes infinite, and `NaN` is accepted.

    Raises:
        ValueError: it cannot be decoded.
        RecursionError: it is nested too deeply for the parser.
    """
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return _clean(json.loads(text, parse_int=_to_number), finite=False)


def sendable(value: Any) -> Any:
    """Return a copy of a JSON value that can be encoded as JSON: a number that is not finite becomes null."""
    return _clean(value, finite=True)


def _clean(value: Any, *, finite: bool) -> Any:
    if isinstance(value, str):
        return _without_halves(value)
    if isinstance(value, dict):
        return {_clean(key, finite=finite): _clean(item, finite=finite) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, finite=finite) for item in value]
    return None if finite and isinstance(value, float) and not math.isfinite(value) else value


def _without_halves(text: str) -> str:
    """Return *text* with U+FFFD in place of each half of a surrogate pair.

    To search 1 MiB for them takes 5 ms. To encode it takes a twentieth of that, and fails at the first one; then all that
    are equal are replaced at once. UTF-16 takes a half to a tenth of the time of UTF-8 unless the text is ASCII, which has
    none.
    """
    if text.isascii():
        return text
    for _ in range(_MOST_HALVES):
        try:
            text.encode("utf-16-le")
        except UnicodeEncodeError as error:
            text = text.replace(text[error.start], "\ufffd")
        else:
            return text
    return _SURROGATE.sub("\ufffd", text)


def _to_number(digits: str) -> int | float:
    if len(digits) <= _MOST_DIGITS:
        return int(digits)
    return -math.inf if digits.startswith("-") else math.inf
