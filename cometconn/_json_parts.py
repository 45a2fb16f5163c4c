"""JSON looked at without reading it: how much is in it, and its outermost parts, so that a bad one does not cost the others."""

from __future__ import annotations

import re
from typing import Final

import msgspec

__all__ = ["has_too_many_items", "raw_message_id", "split_list", "split_object"]

# A string, whole or (group 1 empty) cut off, and what structures JSON. No part of it can be matched in two ways.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},:]', re.DOTALL)
_ID: Final = re.compile(rb"[0-9]{1,19}")
_BIT_64: Final = 2**63
_MOST_TOKENS: Final = 500_000
"""More are not looked at: that would hold the loop for more than a tenth of a second."""

_UNCOUNTED: Final = 16 * 1024
"""A text of so many characters is parsed in little time, whatever is in it."""
_NO_ITEMS: Final = bytes(sorted(set(range(256)) - set(b"[{,")))
_NO_SIGNS: Final = bytes(sorted(set(range(256)) - set(b'[{,"')))

_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def has_too_many_items(text: str | bytes, most: int) -> bool:
    """Tell whether JSON has more than *most* items: each `[`, `{` and `,` outside of its strings is one.

    It takes a few milliseconds for 1 MiB, where parsing takes a second at worst. What is no JSON may count as too much:
    nothing can be read from it anyway.

    Args:
        text: the JSON. Up to 16 KiB never have too many.
        most: how many items it may have.
    """
    if len(text) <= _UNCOUNTED:
        return False
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data.translate(None, _NO_ITEMS)) <= most:
        return False
    # Nine of ten brackets in JSON that is pasted into a message are inside of strings.
    signs = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_SIGNS)
    if signs.count(b'"') > 4 * most + 2:
        return True  # an item holds two strings at most: a name and a value. To take so many apart would be slow.
    return sum(map(len, signs.split(b'"')[::2])) > most


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
