"""Takes long runs of escapes out of JSON, so that they can be decoded piece by piece.

A parser needs ten times as long for 1 MiB of `\\n` as for 1 MiB of plain text: 4 ms, without a checkpoint.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Generator
from typing import Any, Final

__all__ = ["Shortened", "shorten"]

_LONG: Final = 128 * 1024
"""Characters. What is shorter is decoded at once, in half a millisecond at most."""
_PIECE: Final = 64 * 1024  # bytes
_MANY: Final = 1 / 8  # of the bytes of a piece: fewer escapes take little time
_ESCAPE: Final = 12  # bytes of the longest one, a surrogate pair
_HIGH_HALF: Final = re.compile(rb"\\u[dD][89abAB]..", re.DOTALL)
_DIGITS: Final = 8  # of the number of a piece, behind the mark


class Shortened:
    """A JSON text without the pieces that were taken out of its strings. A mark stands in the place of each.

    Attributes:
        text: the rest.
    """

    __slots__ = ("_mark", "_pieces", "text")

    def __init__(self, text: bytes, mark: str, pieces: list[str]) -> None:
        self.text = text
        self._mark = mark
        self._pieces = pieces

    def restored(self, value: Any) -> Any:
        """Return *value*, which `text` was decoded to, with the pieces in their places, or raise `ValueError`.

        It raises if they are not all in values, because one is in the name of a member, or in a member that is there twice.
        """
        whole, found = [value], 0
        containers: list[Any] = [whole]
        for container in containers:
            for place, inner in container.items() if container.__class__ is dict else enumerate(container):
                if inner.__class__ is str:
                    if self._mark in inner:
                        first, *others = inner.split(self._mark)
                        found += len(others)
                        behind = (part for other in others for part in (self._piece(other), other[_DIGITS:]))
                        container[place] = "".join((first, *behind))
                elif inner.__class__ is dict or inner.__class__ is list:
                    containers.append(inner)
        if found != len(self._pieces):
            message = "a piece is missing"
            raise ValueError(message)
        return whole[0]

    def _piece(self, behind_mark: str) -> str:
        return self._pieces[int(behind_mark[:_DIGITS])]


def shorten(text: str | bytes, decode: Callable[[bytes], str]) -> Generator[None, None, Shortened | None]:
    """Return *text* without its long runs of escapes, or `None` if it has none. Yields after each piece, for a checkpoint.

    If the shortened text and all pieces are valid JSON, so is *text*, and its value is `Shortened.restored()`: a piece
    without a quote is decoded as a string, and divides no escape and no surrogate pair.

    Args:
        text: JSON, or what should be.
        decode: decodes the JSON of a string, or raises.
    """
    backslash = "\\" if isinstance(text, str) else b"\\"
    if len(text) < _LONG or text.count(backslash) < _MANY * _PIECE:  # type: ignore[arg-type]  # of the same type
        return None
    yield
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    mark = secrets.token_hex(16)  # no text can have it on purpose
    rest: list[bytes] = []
    pieces: list[str] = []
    at = 0
    while at < len(data):
        yield
        piece = _whole_characters(data, at)
        at += len(piece)
        if piece.count(b"\\") < _MANY * len(piece) or _has_quote(piece):
            rest.append(piece)
        else:
            rest.append(f"{mark}{len(pieces):0{_DIGITS}}".encode())
            pieces.append(decode(b'"%b"' % piece))
    return Shortened(b"".join(rest), mark, pieces) if pieces else None


def _has_quote(piece: bytes) -> bool:
    """Whether a string begins or ends in *piece*: it has a quote behind no backslash, or behind an escaped one."""
    return b'"' in piece and b'"' in piece.replace(b"\\\\", b"").replace(b'\\"', b"")


def _whole_characters(data: bytes, begin: int) -> bytes:
    """Return the bytes from *begin* on, up to a place that is not inside an escape or a surrogate pair.

    It may be inside a character of other bytes, if no escape stands near it. That piece is then no text, and all is decoded
    at once.
    """
    end = begin + _PIECE
    if end >= len(data):
        return data[begin:]
    piece = data[begin:end]
    last = piece.rfind(b"\\", -_ESCAPE)
    if last == -1 or (last - len(piece[: last + 1].rstrip(b"\\"))) % 2:
        return piece  # no escape begins near its end: an odd number of backslashes stands before the last one
    if _HIGH_HALF.fullmatch(piece, last - 6, last):
        last -= 6
    return piece[:last]
