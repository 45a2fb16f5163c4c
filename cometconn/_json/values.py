"""Decodes JSON from a server. What is not strictly valid is decoded as CometChat's own SDKs decode it."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Generator
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
        exact: it is strictly valid; if not, it was decoded as `parse()` does.
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
    data, is_exact = _in_utf8(text)

    def decode(chunk: bytes) -> Any:
        nonlocal is_exact
        value, exact = parse(chunk)
        is_exact &= exact
        return value

    try:
        value = yield from decode_in_chunks(memoryview(data), items, decode)
    except msgspec.DecodeError:
        raise
    except ValueError as error:
        message = f"JSON is malformed: {error}"
        raise msgspec.DecodeError(message) from None
    return value, is_exact


def _at_once(text: str | bytes) -> Generator[None, None, tuple[Any, bool]]:
    """Do the same for a text that is not long, in one pass, or in two if it is not strictly valid."""
    try:
        return _decode(text), True
    except (msgspec.DecodeError, UnicodeError) as error:
        yield
        return _decode_leniently(text, error), False


def parse(text: str | bytes) -> tuple[Any, bool]:
    """Return the JSON value in *text*, and whether that is strictly valid.

    If it is not, what JSON does not allow but Python's parser does is accepted: half a surrogate pair and bytes that are no
    UTF-8 become U+FFFD, a number that is too large becomes infinite, and so does `Infinity`, and there is `NaN`.

    Raises:
        ValueError: it cannot be decoded.
        RecursionError: it is nested too deeply for the parser.
    """
    return at_once(_at_once(text))


def _decode_leniently(text: str | bytes, error: Exception) -> Any:
    """Return the value of a *text* that is not strictly valid; raise the strict parser's *error* if it has none."""
    data, _ = _in_utf8(text)
    mended = _without_escaped_halves(data.decode("utf-8", "replace").encode())
    if mended != data:
        with contextlib.suppress(msgspec.DecodeError):
            return _decode(mended)
    try:
        return json.loads(mended, parse_int=_to_number)
    except ValueError:
        raise error from None


def _in_utf8(text: str | bytes) -> tuple[bytes, bool]:
    """Return *text* in UTF-8, and whether it could be encoded. If it could not, half a surrogate pair becomes U+FFFD."""
    if isinstance(text, bytes):
        return text, True
    try:
        return text.encode(), True
    except UnicodeEncodeError:
        return _without_halves(text).encode(), False


def _without_escaped_halves(text: bytes) -> bytes:
    r"""Return JSON with `\ufffd` in place of each escape that is half of a surrogate pair.

    To replace them here takes a twentieth of the time of replacing them in thousands of decoded strings.
    """
    if b"\0" in text:
        return text  # this is no JSON, and the next line would make it some
    hidden = text.replace(b"\\\\", b"\0")  # every backslash that is left begins an escape
    return _HALF.sub(rb"\\ufffd", hidden).replace(b"\0", b"\\\\")


def sendable(value: Any) -> Any:
    """Return a copy of a JSON value that can be encoded as JSON: half a surrogate pair becomes U+FFFD, and a number that is not finite null."""
    if isinstance(value, str):
        return _without_halves(value)
    if isinstance(value, dict):
        return {sendable(key): sendable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sendable(item) for item in value]
    return finite(value)


def finite(value: Any) -> Any:
    """Return a copy of a JSON value whose text can be encoded: a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: finite(item) if item.__class__ in _NUMERIC else item for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) if item.__class__ in _NUMERIC else item for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
