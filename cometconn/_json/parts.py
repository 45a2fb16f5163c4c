"""JSON looked at without reading it: how much is in it, and its outermost parts, so that a bad one does not cost the others."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

import msgspec

__all__ = ["MOST_ELEMENTS", "elements", "has_too_many_items", "members", "raw_message_id", "split_object"]

# A string, whole or (group 1 empty) cut off, and what structures JSON. No part of it can be matched in two ways.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},:]', re.DOTALL)
_ID: Final = re.compile(rb"[0-9]{1,19}")
_BIT_64: Final = 2**63
_DEPTH: Final = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_MOST_TOKENS: Final = 10_000
"""More are not looked at in one go: that would hold the loop for more than a few milliseconds."""
_MOST_TOKENS_SLOWLY: Final = 1_000_000
_PAUSE: Final = 2_500  # tokens between two pauses
MOST_ELEMENTS: Final = 1_000
"""A longer list is not taken apart: CometChat's pages have at most a hundred."""
_UNCOUNTED: Final = 16 * 1024
"""A text of so many characters is parsed in little time, whatever is in it."""
_NO_ITEMS: Final = bytes(sorted(set(range(256)) - set(b"[{,")))
_NO_SIGNS: Final = bytes(sorted(set(range(256)) - set(b'[{,"')))


class _Members(msgspec.Struct):
    """Those members of any object that are asked for; all others are passed over, however many there are."""

    id: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    body: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    cursor: msgspec.Raw = msgspec.Raw()
    pagination: msgspec.Raw = msgspec.Raw()


_NAMES: Final = _Members.__struct_fields__
_object: Final = msgspec.json.Decoder(_Members).decode


@functools.cache
def _list_decoder() -> msgspec.json.Decoder[msgspec.Struct]:
    """Return what takes a list apart, and stops at the first element too many: a million cost seconds and gigabytes."""
    fields = [(f"_{number}", msgspec.Raw, msgspec.Raw()) for number in range(MOST_ELEMENTS)]
    return msgspec.json.Decoder(msgspec.defstruct("_Elements", fields, array_like=True, forbid_unknown_fields=True))


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


def elements(text: bytes) -> Iterator[bytes | None]:
    """Yield the JSON of each element of the list that *text* is, and `None` now and then, for a pause.

    The elements are not read, and need not be JSON; only their strings must end, and their brackets match.

    Raises:
        OverflowError: there are more than `MOST_ELEMENTS`.
        ValueError: it is no list.
    """
    try:
        found = msgspec.structs.astuple(_list_decoder().decode(text))
    except msgspec.ValidationError as error:
        if "at most length" in str(error):
            raise OverflowError from None
        raise ValueError from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # perhaps only because an element is no JSON, as NaN
        found = ()
    if found:
        yield from (json for element in found if (json := bytes(element)))
        return
    count = 0
    for part in _split(text.strip(), b"[", b"]", _MOST_TOKENS_SLOWLY):
        if part is not None:
            count += 1
        if count > MOST_ELEMENTS:
            raise OverflowError
        yield None if part is None else part[1]


def members(text: bytes, most: int = _MOST_TOKENS_SLOWLY) -> Iterator[tuple[str, bytes] | None]:
    """Yield name and JSON of those members of the object that *text* is whose names `_Members` has, and `None` for a pause.

    Raises `ValueError` if it is no object. *most*: of how many tokens, if it is no JSON.
    """
    try:
        found = _object(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    else:
        yield from ((name, value) for name in _NAMES if (value := bytes(getattr(found, name))))
        return
    for part in _split(text.strip(), b"{", b"}", most):
        if part is None:
            yield None
        elif part[0].startswith(b'"') and (name := part[0][1:-1].decode("utf-8", "replace")) in _NAMES:
            yield name, part[1]


def split_object(text: bytes) -> dict[str, bytes] | None:
    """Return the same at once; `None` if it is no object, or one that takes long."""
    try:
        return dict(member for member in members(text, _MOST_TOKENS) if member is not None)
    except ValueError:
        return None


def raw_message_id(text: bytes) -> int | None:
    """Return the id of a message from its JSON, which may be unreadable otherwise; `None` if it has none of at most 64 bits."""
    written = (split_object(text) or {}).get("id", b"").strip(b'"')
    return int(written) if _ID.fullmatch(written) and int(written) < _BIT_64 else None


def _split(text: bytes, opening: bytes, closing: bytes, most: int) -> Iterator[tuple[bytes, bytes] | None]:
    """Yield what the commas between the outermost brackets separate: each part's name (empty in a list), and the part.

    Also `None` now and then, for a pause. Raises `ValueError` if *text* is not in these brackets, or has more than *most* tokens.
    """
    if not (text.startswith(opening) and text.endswith(closing)):
        raise ValueError
    if not text[1:-1].strip():
        return
    depth, begin, name = 0, 1, b""
    for count, token in enumerate(_TOKEN.finditer(text), start=1):
        sign = token[0]
        if count > most or token[1] == b"":
            raise ValueError
        depth += _DEPTH.get(sign, 0)
        if depth == 0 and token.end() != len(text):
            raise ValueError
        if depth == 1 and sign == b":" and not name:
            name, begin = text[begin : token.start()].strip(), token.end()
        if (depth == 1 and sign == b",") or depth == 0:
            yield name, text[begin : token.start()].strip()
            begin, name = token.end(), b""
        if count % _PAUSE == 0:
            yield None
    if depth != 0:
        raise ValueError
