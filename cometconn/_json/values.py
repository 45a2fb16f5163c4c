"""Decodes JSON from a server. What is not strictly valid is decoded as CometChat's own SDKs decode it, and cleaned."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator
from typing import Any, Final, NamedTuple

import msgspec

from .chunks import CHUNK, decode_in_chunks
from .signs import DEEPEST, UNCOUNTED, count_items, is_too_deep

__all__ = ["Parsed", "decode_in_steps", "lenient", "parse", "parse_in_steps", "sendable"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOST_HALVES: Final = 8  # different ones
_MOST_DIGITS: Final = 400
"""A number with more digits is infinite in CometChat's own SDKs, whose numbers are doubles."""
_decode: Final = msgspec.json.Decoder().decode


class Parsed(NamedTuple):
    """What became of a text.

    Attributes:
        text: the text.
        is_refused: it has too many items, as `count_items()` counts them, and was not decoded.
        value: its value, if it could be decoded.
        exact: it is strictly valid; if not, it was decoded as `lenient()` does.
        error: why it has no value; `None` if it has one, or was refused.
    """

    text: str | bytes
    is_refused: bool = False
    value: Any = None
    exact: bool = False
    error: Exception | None = None


def parse_in_steps(text: str | bytes, max_items: int) -> Generator[None, None, Parsed]:
    """Count the items of *text*, decode it if they are not too many, and return what became of it.

    Yields between the passes over it, for a checkpoint: for 1 MiB, each takes up to 3 ms. A value that is nested too
    deeply is not kept; its error is a `RecursionError`, like that of a parser.
    """
    items = yield from count_items(text, max_items)
    if items > max_items and len(text) > UNCOUNTED:
        return Parsed(text, is_refused=True)
    yield
    try:
        value, exact = yield from decode_in_steps(text, items)
        if items > DEEPEST and is_too_deep(value):
            return Parsed(text, error=RecursionError())
        return Parsed(text, value=value, exact=exact)
    except (ValueError, RecursionError) as error:
        return Parsed(text, error=error)


def decode_in_steps(text: str | bytes, items: int) -> Generator[None, None, tuple[Any, bool]]:
    """Return what `parse()` does. Yields for a checkpoint, after at most 3 ms.

    Args:
        text: JSON, or what should be.
        items: how many items it has, as `count_items()` counts them.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply for the parser, or what is long is nested more deeply than `DEEPEST`.
    """
    if len(text) <= CHUNK:
        return (yield from _at_once(text))
    is_exact = True

    def decode(chunk: bytes) -> Any:
        nonlocal is_exact
        value, exact = parse(chunk)
        is_exact &= exact
        return value

    try:
        data = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError:
        data, is_exact = _without_halves(text).encode(), False
    try:
        value = yield from decode_in_chunks(memoryview(data), items, decode)
    except msgspec.DecodeError:
        raise
    except ValueError as error:
        message = f"JSON is malformed: {error}"
        raise msgspec.DecodeError(message) from None
    return value, is_exact


def _at_once(text: str | bytes) -> Generator[None, None, tuple[Any, bool]]:
    """Do the same for a text that is not long, in one pass, or in three if it is not strictly valid."""
    try:
        value, exact = _decode(text), True
    except (msgspec.DecodeError, UnicodeError) as error:
        yield
        value, exact = _parse_leniently(text, error), False
    yield
    return value if exact else _clean(value, finite=False), exact


def parse(text: str | bytes) -> tuple[Any, bool]:
    """Return the JSON value in *text*, and whether that is strictly valid; if not, `lenient()` decoded it.

    Raises:
        Exception: it cannot be decoded.
    """
    try:
        return _decode(text), True
    except (msgspec.DecodeError, UnicodeError) as error:
        return _clean(_parse_leniently(text, error), finite=False), False


def lenient(text: str | bytes) -> Any:
    """Return the JSON value in *text*, and accept what JSON does not allow but Python's parser does.

    Half a surrogate pair becomes U+FFFD, a number that is too large becomes infinite, and `NaN` is accepted.

    Raises:
        ValueError: it cannot be decoded.
        RecursionError: it is nested too deeply for the parser.
    """
    return _clean(_parse_leniently(text), finite=False)


def _parse_leniently(text: str | bytes, strict_error: Exception | None = None) -> Any:
    """Return what `lenient()` does, not cleaned; raise the strict parser's error, if it has one, where this one fails."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    try:
        return json.loads(text, parse_int=_to_number)
    except ValueError as error:
        raise strict_error or error from None


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
