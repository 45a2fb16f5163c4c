"""JSON cut into its outermost parts without reading them, so that one bad part does not cost the others."""

from __future__ import annotations

import re
from typing import Final

import msgspec

__all__ = ["raw_message_id", "split_list", "split_object"]

# A string, whole or (group 1 empty) cut off, and what structures JSON. No part of it can be matched in two ways.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},:]', re.DOTALL)
_ID: Final = re.compile(rb"[0-9]{1,19}")
_BIT_64: Final = 2**63
_MOST_TOKENS: Final = 500_000
"""More are not looked at: that would hold the loop for more than a tenth of a second."""

_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def split_list(text: bytes) -> list[bytes] | None:
    """Return the JSON of each element of the list that *text* is; `None` if it is no list.

    The elements are not read, and need not be JSON; only their strings must end, and their brackets match.
    """
    try:
        return [bytes(element) for element in _list(text)]
    except (
        msgspec.MsgspecError,
        UnicodeError,
        RecursionError,
    ):  # perhaps only because an element is no JSON, such as NaN
        parts = _split(text.strip(), b"[", b"]")
        return None if parts is None else [element for _, element in parts]


def split_object(text: bytes) -> dict[str, bytes] | None:
    """Return the JSON of each member of the object that *text* is, by its name; `None` if it is no object."""
    try:
        return {name: bytes(value) for name, value in _object(text).items()}
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        parts = _split(text.strip(), b"{", b"}")
    if parts is None:
        return None
    return {name[1:-1].decode("utf-8", "replace"): value for name, value in parts if name.startswith(b'"')}


def raw_message_id(text: bytes) -> int | None:
    """Return the id of a message from its JSON, which may be unreadable otherwise; `None` if it has none of at most 64 bits."""
    written = (split_object(text) or {}).get("id", b"").strip(b'"')
    return int(written) if _ID.fullmatch(written) and int(written) < _BIT_64 else None


def _split(text: bytes, opening: bytes, closing: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return what the commas between the outermost brackets separate: each part's name (empty in a list), and the part."""
    if not (text.startswith(opening) and text.endswith(closing)):
        return None
    parts: list[tuple[bytes, bytes]] = []
    depth, begin, name = 0, 1, b""
    for count, token in enumerate(_TOKEN.finditer(text)):
        sign = token[0]
        if count > _MOST_TOKENS or token[1] == b"":
            return None
        if sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
            if depth == 0 and token.end() != len(text):
                return None
        elif depth == 1 and sign == b":" and not name:
            name, begin = text[begin : token.start()].strip(), token.end()
        if (depth == 1 and sign == b",") or depth == 0:
            parts.append((name, text[begin : token.start()].strip()))
            begin, name = token.end(), b""
    if depth != 0:
        return None
    return [] if parts == [(b"", b"")] else parts
