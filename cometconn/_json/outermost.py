"""Finds the outermost commas and colons of JSON, piece by piece, without decoding it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .signs import brackets, pieces

__all__ = ["outermost", "trimmed"]

# A string, also one that is cut off, or a structural character. Nothing matches in two ways, so the search is linear. A
# backslash is invalid outside of a string; its meaning there is the same as in `brackets()`.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|\\["\\]|[\[\]{},:]', re.DOTALL)
_STRING_END: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_DEPTH: Final = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_PIECE: Final = 2 * 1024
"""Bytes in which all tokens are looked at if one of them may be outermost. It takes at most a millisecond."""
_LARGEST: Final = 32 * 1024  # bytes that are passed over at once
_SPACE: Final = b" \t\n\r"
_BETWEEN: Final = frozenset({b",", b":"})
_PER_TOKEN_PASSED: Final = 128  # bytes that are passed over in as much time as a token is looked at
_PER_TOKEN: Final = 16  # as many brackets that are passed over take less time than a token that is looked at
_PER_TOKEN_SEARCHED: Final = 32  # bytes that are searched for tokens in that time
_UNMATCHED: Final = "brackets do not match, or signs between them are missing"
_NESTED: Final = 8
"""As often brackets with nothing between them are removed from a piece. Brackets that are left may be taken for outermost."""
_AT_ONCE: Final = 512
"""Tokens that are looked at between two checkpoints, or what takes as long: at most a millisecond."""


def outermost(whole: memoryview, most: int) -> Iterator[tuple[bytes, int] | None]:
    """Yield the commas and colons directly inside the outermost brackets, and the last bracket, each with its place.

    `None` is for a checkpoint, at most a millisecond after the one before.

    Args:
        whole: JSON that begins and ends with a bracket. What is inside need not be valid, but strings must end and brackets
            must match.
        most: tokens that are looked at.

    Raises:
        ValueError: the last bracket does not belong to the first, or it takes longer than to look at *most* tokens.
    """
    depth = count = at = in_string = spent = 0
    size = _PIECE
    while at < len(whole):
        piece = next(pieces(whole[at:], size))
        signs, quotes = brackets(piece, in_string)
        if _is_inside(signs, depth) or not (quotes or signs or _has_sign(piece, in_string)):
            depth += len(signs) - 2 * signs.count(b"]")
            count += len(signs) // _PER_TOKEN
            spent += len(piece) // _PER_TOKEN_PASSED
            size = min(2 * size, _LARGEST)
        elif size > _PIECE:
            size = _PIECE
            continue
        else:
            before = count
            for token in _tokens(piece, in_string):
                sign, place = token[0], at + token.start()
                count += 1
                depth += _DEPTH.get(sign, 0)
                if count > most or (depth == 0 and place + 1 != len(whole)):
                    raise ValueError(_UNMATCHED)
                if (depth == 1 and sign in _BETWEEN) or depth == 0:
                    yield sign, place
            spent += count - before + len(piece) // _PER_TOKEN_SEARCHED
        at += len(piece)
        in_string ^= quotes % 2
        if spent >= _AT_ONCE:
            spent = 0
            yield None
    if depth != 0:
        raise ValueError(_UNMATCHED)


def _has_sign(piece: bytes, in_string: int) -> bool:
    return not in_string and (b"," in piece or b":" in piece)


def _is_inside(signs: bytes, depth: int) -> bool:
    """Whether no place among *signs* is outermost; *depth* is that before them."""
    return depth - signs.count(b"]") > 1 or depth - _fall(signs) > 1


def _tokens(piece: bytes, in_string: int) -> Iterator[re.Match[bytes]]:
    """Return the tokens in a piece of JSON, but for the end of the string in which it begins if *in_string* is 1."""
    end = _STRING_END.match(piece) if in_string else None
    return _TOKEN.finditer(piece, end.end() if end else 0)


def _fall(signs: bytes) -> int:
    """Return by how many levels the depth at most falls below that at the beginning, within *signs*."""
    for _ in range(_NESTED):
        if b"[]" not in signs:
            break
        signs = signs.replace(b"[]", b"")
    return signs.count(b"]")


def trimmed(text: memoryview) -> memoryview:
    """Return *text* without JSON's white space at either end. 1 MiB of that takes about a millisecond."""
    begin, end = 0, len(text)
    while begin < end:
        piece = bytes(text[begin : begin + _PIECE])
        rest = len(piece.lstrip(_SPACE))
        begin += len(piece) - rest
        if rest:
            break
    while begin < end:
        piece = bytes(text[max(begin, end - _PIECE) : end])
        rest = len(piece.rstrip(_SPACE))
        end -= len(piece) - rest
        if rest:
            break
    return text[begin:end]
