"""Decodes long JSON chunk by chunk.

msgspec decodes 1 MiB of plain text in 0.4 ms, but 1 MiB of escapes takes it 5 ms, of keys 6 ms, and of numbers with thousands
of digits 28 ms. A chunk takes it at most 2 ms, whatever is in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias

from .outermost import outermost, trimmed

__all__ = ["decode_in_chunks"]

_CHUNK: Final = 64 * 1024  # bytes
_LEVELS: Final = 12
"""What is nested more deeply is decoded at once: CometChat's frames have ten levels, and each level is a pass over its text."""
_MOST_TOKENS: Final = 1_000_000
_ESCAPE: Final = 12  # bytes of the longest one, a surrogate pair
_CONTINUED: Final = 3  # bytes of a character in UTF-8 but the first, at most
_CONTINUING: Final = range(0x80, 0xC0)
_HIGH_HALF: Final = re.compile(rb"\\u[dD][89abAB]..", re.DOTALL)
_PAIRS: Final = {b"[": b"]", b"{": b"}"}

_Decode: TypeAlias = Callable[[bytes], Any]


def decode_in_chunks(text: memoryview, decode: _Decode, level: int = 0) -> Generator[None, None, Any]:
    """Return what *decode* makes of *text*, by calling it with parts that are JSON themselves. Yields after each.

    Lists and objects are divided at their outermost commas, and long strings between two characters. Short neighbours stay
    together.

    Args:
        text: JSON, or what should be.
        decode: decodes JSON, or raises.
        level: how deeply *text* is nested in the whole.

    Raises:
        ValueError: it is not JSON.
    """
    text = trimmed(text)
    if len(text) > _CHUNK and level < _LEVELS:
        first, last = bytes(text[:1]), bytes(text[-1:])
        if first == last == b'"':
            return (yield from _string(text[1:-1], decode))
        if first in _PAIRS and last == _PAIRS[first]:
            return (yield from _container(text, decode, level))
    value = decode(bytes(text))
    yield
    return value


def _string(inside: memoryview, decode: _Decode) -> Generator[None, None, str]:
    """Return the string whose JSON is *inside*, which is between two quotes. A quote in it makes a chunk invalid."""
    decoded: list[str] = []
    at = 0
    while at < len(inside):
        piece = _undivided(inside, at)
        decoded.append(decode(b'"%b"' % piece))
        yield
        at += len(piece)
    return "".join(decoded)


def _undivided(inside: memoryview, begin: int) -> bytes:
    """Return the bytes from *begin* on, up to a place that is not inside a character, an escape or a surrogate pair."""
    end = begin + _CHUNK
    if end >= len(inside):
        return bytes(inside[begin:])
    for _ in range(_CONTINUED):
        end -= inside[end] in _CONTINUING
    piece = bytes(inside[begin:end])
    last = piece.rfind(b"\\", -_ESCAPE)
    if last == -1 or (last - len(piece[: last + 1].rstrip(b"\\"))) % 2:
        return piece  # no escape begins near its end: an odd number of backslashes stands before the last one
    if _HIGH_HALF.fullmatch(piece, last - 6, last):
        last -= 6
    return piece[:last]


def _container(text: memoryview, decode: _Decode, level: int) -> Generator[None, None, Any]:
    """Return a list or an object. Each member is decoded by itself, or together with short ones beside it."""
    members = _Members(text, decode)
    begin = at = 1  # of the short members that are not decoded yet, and of the present one
    colon = 0
    for found in outermost(text, _MOST_TOKENS):
        if found is None:
            yield
            continue
        sign, place = found
        if sign == b":":
            colon = colon or place
            continue
        if begin < at and place - begin > _CHUNK:
            members.take(begin, at - 1)
            yield
            begin = at
        if place - at > _CHUNK:
            name = None
            if members.are_named:
                name = yield from decode_in_chunks(text[at:colon], decode, level + 1)
                at = colon + 1
            members.add(name, (yield from decode_in_chunks(text[at:place], decode, level + 1)))
            begin = place + 1
        at, colon = place + 1, 0
    if begin < len(text):
        members.take(begin, len(text) - 1)
        yield
    return members.all


class _Members:
    """The members of a list or an object.

    Attributes:
        are_named: it is an object.
        all: those that are decoded.
    """

    __slots__ = ("_decode", "_text", "all", "are_named")

    def __init__(self, text: memoryview, decode: _Decode) -> None:
        self._text = text
        self._decode = decode
        self.are_named = bytes(text[:1]) == b"{"
        self.all: Any = {} if self.are_named else []

    def take(self, begin: int, end: int) -> None:
        """Decode the members from *begin* to *end* in the text. There is at least one."""
        inside = bytes(self._text[begin:end])
        if not inside.strip():
            message = "a comma beside no value"
            raise ValueError(message)
        if self.are_named:
            self.all.update(self._decode(b"{%b}" % inside))
        else:
            self.all.extend(self._decode(b"[%b]" % inside))

    def add(self, name: object, value: object) -> None:
        """Add one member. A *name* that is `None` is one in a list."""
        if not self.are_named:
            self.all.append(value)
        elif isinstance(name, str):
            self.all[name] = value
        else:
            message = "a name that is no text"
            raise ValueError(message)
