"""Counts the structural characters of JSON without decoding it, because decoding hostile JSON can take seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["DEEPEST", "UNCOUNTED", "count_items", "has_too_many_items", "is_too_deep", "may_be_too_deep"]

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


def _others_than(signs: bytes) -> bytes:
    return bytes(sorted(set(range(256)) - set(signs)))


_NO_ITEMS: Final = _others_than(b'[{,"')
_NO_BRACKETS: Final = _others_than(b'[]{}"')
_AS_ARRAYS: Final = bytes.maketrans(b"{}", b"[]")


def count_items(text: str | bytes, most: int) -> int:
    """Return the number of items in JSON, or some number above *most* if there are more.

    Each `[`, `{` and `,` outside of its strings is an item. It takes at most a few milliseconds for 1 MiB, for which a parser
    may need a second. Up to *most*, signs inside of strings are counted, too. For invalid JSON the result may be too large;
    a parser would refuse it anyway.
    """
    count = 0
    for piece in _pieces(text):
        signs = piece.translate(None, _NO_ITEMS)
        count += len(signs) - signs.count(b'"')
        if count > most:
            break
    else:
        return count
    # JSON that a user pasted into a message has nearly all of its brackets inside of strings.
    count = 0
    for signs, quotes in _outside(text, None, _NO_ITEMS):
        count += len(signs)
        if quotes > 4 * most + 2:
            return quotes  # an item has at most two strings, a name and a value. Splitting at so many quotes would be slow.
        if count > most:
            break
    return count


def has_too_many_items(text: str | bytes, most: int) -> bool:
    """Return whether JSON has more than *most* items, as `count_items()` counts them; not if it has at most 16 KiB."""
    return len(text) > UNCOUNTED and count_items(text, most) > most


def may_be_too_deep(text: str) -> bool:
    """Return whether *text* can be nested more deeply than `DEEPEST`.

    It can if it has more than `DEEPEST` opening brackets and is long enough to close them. Brackets inside strings count,
    too, so `True` does not yet mean that the nesting is too deep.
    """
    return len(text) > 2 * DEEPEST and text.count("[") + text.count("{") > DEEPEST


def is_too_deep(text: str | bytes, deepest: int = DEEPEST) -> bool:
    """Return whether *text*, which is JSON, is nested more deeply than *deepest*.

    Each round removes what has nothing inside it. So a value that is nested *deepest* times is gone after as many rounds.
    """
    brackets = b"".join([signs for signs, _ in _outside(text, _AS_ARRAYS, _NO_BRACKETS)])
    for _ in range(deepest):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _pieces(text: str | bytes) -> Iterator[bytes]:
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        yield piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece


def _outside(text: str | bytes, table: bytes | None, others: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the signs outside of the strings of each piece, translated, without the *others*; and the quotes so far."""
    quotes, rest = 0, b""
    for piece in _pieces(text):
        if rest or b"\\" in piece:
            # A pair may be cut in two. So a backslash at the end that has no partner waits for the next piece.
            whole = rest + piece
            rest = b"\\" if (len(whole) - len(whole.rstrip(b"\\"))) % 2 else b""
            piece = whole.removesuffix(rest).replace(b"\\\\", b"").replace(b'\\"', b"")
        signs = piece.translate(table, others)
        between = signs.split(b'"')
        outside = b"".join(between[quotes % 2 :: 2])
        quotes += len(between) - 1
        yield outside, quotes
