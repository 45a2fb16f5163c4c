"""Counts the structural characters of JSON without decoding it, because decoding hostile JSON can take seconds."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final, TypeVar

__all__ = [
    "DEEPEST",
    "UNCOUNTED",
    "at_once",
    "brackets",
    "count_items",
    "has_too_many_items",
    "is_too_deep",
    "may_be_too_deep",
    "pieces",
]

T = TypeVar("T")

DEEPEST: Final = 100
"""How deeply arrays and objects may be nested. CometChat's frames have about ten levels; metadata and custom data of apps
add a few.

Python's JSON parsers accept about a thousand levels. A value of that depth would make `copy.deepcopy()`, `json.dumps()` or
a comparison in the application raise `RecursionError`, because these recurse more deeply than the parsers.
"""
UNCOUNTED: Final = 16 * 1024
"""The characters that can be parsed in little time, whatever they are, so no number of items in them is too large."""
_PIECE: Final = 64 * 1024
"""Characters that are looked at at once. Memory for longer pieces would come from the operating system each time, which
takes longer than counting."""
_TOGETHER: Final = 4  # pieces between two checkpoints


def at_once(steps: Generator[None, None, T]) -> T:
    """Do work that can be done in steps without a checkpoint between them; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def _others_than(signs: bytes) -> bytes:
    return bytes(sorted(set(range(256)) - set(signs)))


_NO_ITEMS: Final = _others_than(b'[{,"')
_NO_BRACKETS: Final = _others_than(b'[]{}"')
_CONTAINERS: Final = frozenset({dict, list})
_AS_ARRAYS: Final = bytes.maketrans(b"{}", b"[]")


def count_items(text: str | bytes, most: int) -> Generator[None, None, int]:
    """Return the number of items in JSON, or some number above *most* if there are more.

    Each `[`, `{` and `,` outside of its strings is an item. A parser may need a second for 1 MiB of them; here each of the
    at most two passes takes at most 5 ms, and it yields every millisecond or so, for a checkpoint. Up to *most*, signs
    inside of strings are counted, too. For invalid JSON the result may be too large; a parser would refuse it anyway.
    """
    count = 0
    for number, piece in enumerate(pieces(text, _PIECE), start=1):
        signs = piece.translate(None, _NO_ITEMS)
        count += len(signs) - signs.count(b'"')
        if count > most:
            break
        if number % _TOGETHER == 0:
            yield
    else:
        return count
    yield
    # JSON that a user pasted into a message has nearly all of its brackets inside of strings.
    count = quotes = 0
    for number, piece in enumerate(pieces(text, _PIECE), start=1):
        if number % _TOGETHER == 0:
            yield
        signs, more = _outside(piece, quotes % 2, None, _NO_ITEMS)
        count += len(signs)
        quotes += more
        if quotes > 4 * most + 2:
            return quotes  # an item has at most two strings, a name and a value. Splitting at so many quotes would be slow.
        if count > most:
            break
    return count


def has_too_many_items(text: str | bytes, most: int) -> bool:
    """Return whether JSON has more than *most* items, as `count_items()` counts them; not if it has at most 16 KiB."""
    return len(text) > UNCOUNTED and at_once(count_items(text, most)) > most


def may_be_too_deep(text: str) -> bool:
    """Return whether *text* can be nested more deeply than `DEEPEST`.

    It can if it has more than `DEEPEST` opening brackets and is long enough to close them. Brackets inside strings count,
    too, so `True` does not yet mean that the nesting is too deep.
    """
    return len(text) > 2 * DEEPEST and text.count("[") + text.count("{") > DEEPEST


def is_too_deep(value: object, deepest: int = DEEPEST) -> bool:
    """Return whether *value*, which came from JSON, is nested more deeply than *deepest*.

    It takes half a millisecond for 10,000 items. To look at the text takes up to 4 ms for 1 MiB.
    """
    level: list[Any] = [value] if value.__class__ in _CONTAINERS else []
    for _ in range(deepest):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if outer.__class__ is dict else outer)
            if inner.__class__ in _CONTAINERS
        ]
    return bool(level)


def pieces(text: str | bytes | memoryview, size: int) -> Iterator[bytes]:
    """Yield *text* in pieces of *size* characters, or of one more, so that none ends between a backslash and what it escapes."""
    at = 0
    while at < len(text):
        end = at + size
        piece = _encoded(text[at:end])
        if piece.endswith(b"\\") and (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            end += 1
            piece = _encoded(text[at:end])
        yield piece
        at = end


def _encoded(piece: str | bytes | memoryview) -> bytes:
    return piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else bytes(piece)


def brackets(piece: bytes, in_string: int) -> tuple[bytes, int]:
    """Return the brackets outside of the strings in a piece of JSON, written as `[` and `]`; and how many quotes it has.

    *in_string* is 1 if the piece begins inside of a string, else 0.
    """
    return _outside(piece, in_string, _AS_ARRAYS, _NO_BRACKETS)


def _outside(piece: bytes, in_string: int, table: bytes | None, others: bytes) -> tuple[bytes, int]:
    """Return the signs outside of the strings of a piece, translated, without the *others*; and how many quotes it has."""
    if b'"' not in piece:
        return b"" if in_string else piece.translate(table, others), 0
    if b"\\" in piece:
        piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
    between = piece.translate(table, others).split(b'"')
    return b"".join(between[in_string::2]), len(between) - 1
