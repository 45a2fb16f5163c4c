"""Splits JSON into its outermost parts without decoding them.

An invalid element of a list, or member of an object, so does not make the others unreadable.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Generator, Iterator
from typing import Final

import msgspec

from .outermost import outermost, trimmed
from .signs import count_items, has_too_many_items

__all__ = [
    "MOST_ELEMENTS",
    "elements",
    "framed_message_id",
    "members",
    "raw_message_id",
    "split_object",
]

_ID: Final = re.compile(rb"[0-9]{1,19}")
_BIT_64: Final = 2**63
_MOST_TOKENS: Final = 10_000
"""More tokens are not split at once, because that would block Trio for more than a few milliseconds."""
_MOST_TOKENS_SLOWLY: Final = 1_000_000
_SHORT: Final = 64 * 1024  # bytes
_LONG: Final = 1024 * 1024  # bytes
_FEW: Final = 32_000  # items
_NAME: Final = 1024  # bytes: none that is looked for is longer, with the white space around it
_COPIED: Final = 64 * 1024  # bytes
_TOGETHER: Final = 128
"""Elements between two checkpoints. Each takes 2 to 5 us, and a piece may have a thousand empty ones."""
MOST_ELEMENTS: Final = 1_000
"""A longer list is not split; CometChat's pages have at most 100 elements."""
_HEAD: Final = 4 * 1024  # bytes at the beginning of a frame in which its message's id is looked for first
_PAIR: Final = rb'"\w++"\s*+:\s*+(?:"[^"\\]*+"|[0-9]++)\s*+,\s*+'
_BODY: Final = rb'\s*+\{\s*+(?:(?!"id")%b)*+"id"\s*+:\s*+"?([0-9]{1,19})"?\s*+[,}]' % _PAIR
_BODY_BEGINNING: Final = re.compile(_BODY)
_FRAME_BEGINNING: Final = re.compile(
    rb'\s*+\{\s*+(?:"type"\s*+:\s*+"([^"\\]*+)"\s*+,\s*+|%b)*+(?:"body"\s*+:%b)?' % (_PAIR, _BODY)
)
"""What CometChat writes first: the type of a frame, and the id of a message, behind short members only."""


class _Members(msgspec.Struct):
    """The members that callers need. msgspec skips all others, however many there are."""

    id: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    body: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    cursor: msgspec.Raw = msgspec.Raw()
    pagination: msgspec.Raw = msgspec.Raw()


class _Body(msgspec.Struct, frozen=True):
    """The id in the body of a message."""

    id: msgspec.Raw = msgspec.Raw()


class _Frame(msgspec.Struct):
    """The parts of a frame that show whether it is a message, and which one."""

    type: msgspec.Raw = msgspec.Raw()
    body: _Body = _Body()


_body: Final = msgspec.json.Decoder(_Body).decode
_framed: Final = msgspec.json.Decoder(_Frame).decode
_NAMES: Final = _Members.__struct_fields__
_object: Final = msgspec.json.Decoder(_Members).decode


@functools.cache
def _list_decoder() -> msgspec.json.Decoder[msgspec.Struct]:
    """Return a decoder that splits a list and fails at element 1,001: a million take seconds and gigabytes."""
    fields = [(f"_{number}", msgspec.Raw, msgspec.Raw()) for number in range(MOST_ELEMENTS)]
    return msgspec.json.Decoder(msgspec.defstruct("_Elements", fields, array_like=True, forbid_unknown_fields=True))


def elements(text: bytes) -> Iterator[bytes | None]:
    """Yield the JSON of each element of the list in *text*, and `None` every few milliseconds, for a checkpoint.

    The elements are not decoded and need not be valid JSON, but their strings must end and their brackets must match.

    Raises:
        OverflowError: there are more than `MOST_ELEMENTS`.
        ValueError: it is not a list.
    """
    if (yield from _is_simple(text)):
        try:
            found = msgspec.structs.astuple(_list_decoder().decode(text))
        except msgspec.ValidationError as error:
            if "at most length" in str(error):
                raise OverflowError from None
            raise ValueError from None
        except (msgspec.MsgspecError, UnicodeError, RecursionError):  # perhaps only one element is invalid, such as NaN
            pass
        else:
            yield from (json for element in found if (json := bytes(element)))
            return
    count = 0
    for part in _split(text, b"[", b"]", _MOST_TOKENS_SLOWLY):
        if part is None:
            yield None
            continue
        count += 1
        if count > MOST_ELEMENTS:
            raise OverflowError
        yield from _copied(part[1])
        if count % _TOGETHER == 0:
            yield None


def members(text: bytes, most: int = _MOST_TOKENS_SLOWLY) -> Iterator[tuple[str, bytes] | None]:
    """Yield the name and the JSON of the members that `_Members` names, and `None` for a checkpoint, as `elements()` does.

    Args:
        text: the JSON object.
        most: if it is invalid JSON, the most tokens that it may have.

    Raises:
        ValueError: it is not an object.
    """
    if (yield from _is_simple(text)):
        try:
            found = _object(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            pass
        else:
            yield from ((name, value) for name in _NAMES if (value := bytes(getattr(found, name))))
            return
    for part in _split(text, b"{", b"}", most):
        if part is None:
            yield None
        elif part[0].startswith(b'"') and (name := part[0][1:-1].decode("utf-8", "replace")) in _NAMES:
            for copy in _copied(part[1]):
                yield None if copy is None else (name, copy)


def _is_simple(text: bytes) -> Generator[None, None, bool]:
    """Return whether msgspec passes through *text* in 1 or 2 ms. Other JSON is split piece by piece.

    That takes up to ten times as long, but with checkpoints in between. msgspec would take 3 ms for 1 MiB of `[],[],...`.
    The passes that find it out take as long, and it yields after each.
    """
    if _SHORT < len(text) <= _LONG:
        few = (yield from count_items(text, _FEW)) <= _FEW
        yield
        return few
    return len(text) <= _SHORT


def split_object(text: bytes) -> dict[str, bytes] | None:
    """Return the members at once, without checkpoints; `None` if it is not an object, or would take too long."""
    try:
        return dict(member for member in members(text, _MOST_TOKENS) if member is not None)
    except ValueError:
        return None


def raw_message_id(text: bytes) -> int | None:
    """Return the id of a message from its JSON, which may be invalid otherwise; `None` if it has no id below 2**63.

    In more than 1 MiB it is found only where CometChat writes it, at the beginning.
    """
    if beginning := _BODY_BEGINNING.match(text, 0, _HEAD):  # in microseconds; all of a long text takes milliseconds
        return _to_id(beginning[1])
    if len(text) > _LONG:
        return None
    try:
        return _to_id(bytes(_body(text).id))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _to_id((split_object(text) or {}).get("id", b""))


def framed_message_id(frame_text: str) -> int | None:
    """Return the id of the message in a frame, which may be invalid otherwise; `None` for another frame, and without an id."""
    beginning = _FRAME_BEGINNING.match(frame_text[:_HEAD].encode("utf-8", "replace"))
    if beginning and beginning[1] not in {None, b"message"}:
        return None
    if beginning and beginning[1] and beginning[2]:
        return _to_id(beginning[2])
    text = frame_text.encode("utf-8", "replace")
    try:
        frame = _framed(text)  # one pass; a pass for the frame and one for its body take twice as long
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # Each item is a token, and nothing is found in a text with too many tokens: not to search it saves milliseconds.
        parts = {} if has_too_many_items(text, _MOST_TOKENS) else split_object(text) or {}
        return raw_message_id(parts.get("body", b"")) if parts.get("type") == b'"message"' else None
    return _to_id(bytes(frame.body.id)) if bytes(frame.type) == b'"message"' else None


def _to_id(written: bytes) -> int | None:
    written = written.strip(b'"')
    return int(written) if _ID.fullmatch(written) and int(written) < _BIT_64 else None


def _copied(part: memoryview) -> Iterator[bytes | None]:
    """Yield a copy of *part*, and `None` for checkpoints before it: new memory for 1 MiB takes most of a millisecond."""
    if len(part) <= _COPIED:
        yield bytes(part)
        return
    copy = io.BytesIO()
    for at in range(0, len(part), _COPIED):
        copy.write(part[at : at + _COPIED])
        yield None
    yield copy.getvalue()


def _split(text: bytes, opening: bytes, closing: bytes, most: int) -> Iterator[tuple[bytes, memoryview] | None]:
    """Yield the parts between the outermost brackets, each with its name (empty in a list), and `None` for a checkpoint.

    Raises `ValueError` if *text* does not have these brackets, or if it takes as long as to look at more than *most* tokens.
    """
    whole = trimmed(memoryview(text))
    if len(whole) < len(opening + closing) or whole[:1] != opening or whole[-1:] != closing:
        raise ValueError
    if not trimmed(whole[1:-1]):
        return
    begin, name = 1, b""
    for found in outermost(whole, most):
        if found is None:
            yield None
            continue
        sign, place = found
        if sign != b":":
            yield name, trimmed(whole[begin:place])
            begin, name = place + 1, b""
        elif not name:
            name, begin = bytes(whole[begin : min(place, begin + _NAME)]).strip(), place + 1
