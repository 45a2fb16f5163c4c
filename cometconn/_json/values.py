"""Decodes JSON from a server. What is not strictly valid is decoded as CometChat's own SDKs decode it."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Generator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from .chunks import CHUNK, decode_in_chunks
from .signs import DEEPEST, UNCOUNTED, at_once, count_items, is_too_deep

__all__ = ["Parsed", "decode_in_steps", "finite", "parse", "parse_in_steps", "sendable"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Half of a surrogate pair, where each backslash begins an escape.
_HALF: Final = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
_MOST_HALVES: Final = 8  # different ones
_MOST_DIGITS: Final = 400
"""A number with more digits is infinite in CometChat's own SDKs, whose numbers are doubles."""
_NUMERIC: Final = frozenset({dict, list, float})  # what may be, or hold, a number that is not finite
_decode: Final = msgspec.json.Decoder().decode


class Parsed(NamedTuple):
    """What became of a text.

    Attributes:
        text: the text.
        is_refused: it has too many items, as `count_items()` counts them, and was not decoded.
        value: its value, if it could be decoded.
        finite: if it may have numbers that are not finite, each of its arrays and objects with null in their place, by the
            `id()` of the one that has them.
        error: why it has no value; `None` if it has one, or was refused.
    """

    text: str | bytes
    is_refused: bool = False
    value: Any = None
    finite: Mapping[int, Any] | None = None
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
        value, is_finite = yield from decode_in_steps(text, items)
        if items > DEEPEST and is_too_deep(value):
            return Parsed(text, error=RecursionError())
        if is_finite:
            return Parsed(text, value=value)
        yield
        copies: dict[int, Any] = {}
        _copy_finite(value, copies)
        return Parsed(text, value=value, finite=copies)
    except (ValueError, RecursionError) as error:
        return Parsed(text, error=error)


def decode_in_steps(text: str | bytes, items: int) -> Generator[None, None, tuple[Any, bool]]:
    """Return what `parse()` does, and whether all numbers are finite. Yields for a checkpoint, after at most 3 ms.

    Args:
        text: JSON, or what should be.
        items: how many items it has, as `count_items()` counts them.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply for the parser, or what is long is nested more deeply than `DEEPEST`.
    """
    if len(text) <= CHUNK:
        return (yield from _at_once(text))
    is_finite = True

    def decode(chunk: bytes) -> Any:
        nonlocal is_finite
        value, finite = at_once(_at_once(chunk))
        is_finite &= finite
        return value

    try:
        value = yield from decode_in_chunks(memoryview(_in_utf8(text)), items, decode)
    except msgspec.DecodeError:
        raise
    except ValueError as error:
        message = f"JSON is malformed: {error}"
        raise msgspec.DecodeError(message) from None
    return value, is_finite


def _at_once(text: str | bytes) -> Generator[None, None, tuple[Any, bool]]:
    """Do the same for a text that is not long, in one pass, or in two if it is not strictly valid."""
    try:
        return _decode(text), True
    except (msgspec.DecodeError, UnicodeError) as error:
        yield
        return _decode_leniently(text, error)


def parse(text: str | bytes) -> Any:
    """Return the JSON value in *text*.

    What JSON does not allow but Python's parser does is accepted: half a surrogate pair and bytes that are no UTF-8 become
    U+FFFD, a number that is too large becomes infinite, and so does `Infinity`, and there is `NaN`.

    Raises:
        ValueError: it cannot be decoded.
        RecursionError: it is nested too deeply for the parser.
    """
    return at_once(_at_once(text))[0]


def _decode_leniently(text: str | bytes, error: Exception) -> tuple[Any, bool]:
    """Do the same for a *text* that is not strictly valid; raise the strict parser's *error* if it has no value."""
    data = _in_utf8(text)
    mended = _without_escaped_halves(data.decode("utf-8", "replace").encode())
    if mended != data or isinstance(error, UnicodeError):
        with contextlib.suppress(msgspec.DecodeError):
            return _decode(mended), True
    try:
        return json.loads(mended.decode(), parse_int=_to_number), False  # of bytes it would guess the encoding
    except ValueError:
        raise error from None


def _in_utf8(text: str | bytes) -> bytes:
    """Return *text* in UTF-8. Half a surrogate pair, which cannot be encoded, becomes U+FFFD."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _without_halves(text).encode()


def _without_escaped_halves(text: bytes) -> bytes:
    r"""Return JSON with `\ufffd` in place of each escape that is half of a surrogate pair.

    To replace them here takes a twentieth of the time of replacing them in thousands of decoded strings.
    """
    if b"\0" in text:
        return text  # this is no JSON, and the next line would make it some
    hidden = text.replace(b"\\\\", b"\0")  # every backslash that is left begins an escape
    return _HALF.sub(rb"\\ufffd", hidden).replace(b"\0", b"\\\\")


def sendable(value: Any) -> Any:
    """Return a copy of a value that is JSON: half a surrogate pair becomes U+FFFD, and a number that is not finite null."""
    if isinstance(value, str):
        return _without_halves(value)
    if isinstance(value, dict):
        return {sendable(key): sendable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sendable(item) for item in value]
    return _or_null(value) if isinstance(value, float) else value


def finite(value: Any, copies: Mapping[int, Any]) -> Any:
    """Return *value* as JSON can hold it: the copy of an array or object in `Parsed.finite`, or null for such a number."""
    return _or_null(value) if isinstance(value, float) else copies.get(id(value), value)


def _or_null(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _copy_finite(value: Any, copies: dict[int, Any]) -> Any:
    """Return *value*, or if it is an array or object the copy that JSON can hold, which is added to *copies*."""
    if isinstance(value, float):
        return _or_null(value)
    if isinstance(value, dict):
        copy: Any = {
            key: _copy_finite(item, copies) if item.__class__ in _NUMERIC else item for key, item in value.items()
        }
    elif isinstance(value, list):
        copy = [_copy_finite(item, copies) if item.__class__ in _NUMERIC else item for item in value]
    else:
        return value
    copies[id(value)] = copy
    return copy


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
