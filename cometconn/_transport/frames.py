"""Frames of RFC 6455, section 5.2: the one place in this package where their headers are read and written."""

from __future__ import annotations

import os
from typing import Final

import attrs

__all__ = [
    "BINARY",
    "CLOSE",
    "TEXT",
    "ForbiddenFrameError",
    "FrameHeader",
    "client_frame",
    "close_frame",
    "is_close_frame",
    "pings_end",
    "read_fragments",
    "read_header",
    "read_texts",
    "server_header",
]

_CONTINUATION, TEXT, BINARY, CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES: Final = frozenset({_CONTINUATION, TEXT, BINARY, CLOSE, _PING, _PONG})
_CONTROL: Final = 0x08  # the bit of an opcode that close frames, pings and pongs have
_FIN, _RSV, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_WHOLE_TEXT: Final = _FIN | TEXT  # the first byte of a text message in one frame
_SHORT_HEADER: Final = 2  # bytes
_LONGEST_SHORT: Final = 125  # bytes of payload: of a control frame, and of a frame whose header has two bytes
_TWO_BYTES, _EIGHT_BYTES = 126, 127  # in place of a length: it follows, in two or in eight bytes
_LENGTH_BYTES: Final = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}
_LEAST: Final = {
    2: 0,
    4: 126,
    10: 65536,
}  # bytes of payload by size of the header: a length must have its shortest form
_MIDDLE_HEADER: Final = 4  # bytes, where the length takes two
_LARGEST: Final = 1 << 63  # bytes of payload: the first bit of a length is always 0


class ForbiddenFrameError(Exception):
    """RFC 6455 does not allow such a header here, from a server and without extensions."""


@attrs.define  # not frozen: one is made for many frames, which takes 3 us, and 4 us with a frozen one
class FrameHeader:
    """The header of a frame.

    Attributes:
        opcode: what the frame is.
        fin: it is the last frame of its message.
        size: bytes of the header.
        payload: bytes of the payload.
    """

    opcode: int
    fin: bool
    size: int
    payload: int

    @property
    def is_control(self) -> bool:
        """Whether it is a close frame, a ping or a pong: never in fragments, and possible between fragments."""
        return self.opcode & _CONTROL != 0


def read_header(buffer: bytearray, at: int, *, in_fragments: bool) -> FrameHeader | None:
    """Read the header that begins at *at*; return `None` while it is incomplete.

    Args:
        buffer: what a server has sent.
        at: where to begin.
        in_fragments: the last message has begun and not ended: now its next fragment is due, or a control frame.

    Raises:
        ForbiddenFrameError: as soon as the bytes at hand show it.
    """
    left = len(buffer) - at
    if left < _SHORT_HEADER:
        return None
    first, second = buffer[at], buffer[at + 1]
    opcode, fin = first & _OPCODE, first & _FIN != 0
    if first & _RSV or second & _MASKED or opcode not in _OPCODES:
        raise ForbiddenFrameError
    if opcode & _CONTROL:
        if not fin or second > _LONGEST_SHORT:
            raise ForbiddenFrameError
    elif (opcode == _CONTINUATION) != in_fragments:
        raise ForbiddenFrameError
    if second <= _LONGEST_SHORT:
        return FrameHeader(opcode, fin, _SHORT_HEADER, second)
    size = _SHORT_HEADER + _LENGTH_BYTES[second]
    if left < size:
        return None
    payload = int.from_bytes(buffer[at + _SHORT_HEADER : at + size], "big")
    if not _LEAST[size] <= payload < _LARGEST:
        raise ForbiddenFrameError
    return FrameHeader(opcode, fin, size, payload)


def read_texts(buffer: bytearray, at: int, most: int, limit: int) -> tuple[list[str], int]:
    """Read the text messages that begin at *at*: whole ones of one frame each; return them, and where they end.

    This does what `read_header()` does for the most frequent frames, in one loop: a call and an object for each
    message would make a burst several percent slower. It stops before any other frame, before one that is
    incomplete, not UTF-8 or forbidden, and before the last four bytes, where a header might be cut.

    Args:
        buffer: what a server has sent.
        at: where to begin, outside of a message in fragments.
        most: how many messages to return.
        limit: bytes of the longest message; frames of 64 KiB or more are left to `read_header()`.
    """
    texts: list[str] = []
    end = len(buffer)
    last = end - _MIDDLE_HEADER
    for _ in range(most):
        if at >= last or buffer[at] != _WHOLE_TEXT:
            break
        size = buffer[at + 1]
        start = at + _SHORT_HEADER
        if size >= _TWO_BYTES:
            if size != _TWO_BYTES:
                break
            size = buffer[start] << 8 | buffer[at + 3]
            start = at + _MIDDLE_HEADER
            if not _LONGEST_SHORT < size <= limit:
                break
        stop = start + size
        if stop > end:
            break
        try:
            texts.append(buffer[start:stop].decode())
        except UnicodeDecodeError:
            break
        at = stop
    return texts, at


def read_fragments(buffer: bytearray, at: int, most: int) -> tuple[bytearray, int, int, bool]:
    """Read the fragments that begin at *at*: whole ones behind the first of a message, of at most 125 bytes each.

    Like `read_texts()` this is one loop for the most frequent frames: a call and an object for each would make a fragment
    of 16 bytes ten times as expensive. It stops behind the last fragment of a message, and before any other frame.

    Args:
        buffer: what a server has sent.
        at: where to begin, inside of a message in fragments and between two of them.
        most: how many fragments to read.

    Returns:
        Their payload; where they end; how many they are; and whether the message ends with them.
    """
    payload = bytearray()
    end = len(buffer)
    for count in range(most):
        if at + _SHORT_HEADER > end:
            break
        first, size = buffer[at], buffer[at + 1]
        stop = at + _SHORT_HEADER + size
        if (first and first != _FIN) or size > _LONGEST_SHORT or stop > end:
            break
        if size:
            payload += buffer[stop - size : stop]
        at = stop
        if first:
            return payload, at, count + 1, True
    else:
        count = most
    return payload, at, count, False


def pings_end(buffer: bytearray, at: int, most: int) -> int:
    """Return where the pings and pongs end that begin at *at* and are whole, at most *most* of them."""
    for _ in range(most):
        try:
            header = read_header(buffer, at, in_fragments=False)
        except ForbiddenFrameError:
            break
        if header is None or header.opcode not in {_PING, _PONG}:
            break
        end = at + header.size + header.payload
        if end > len(buffer):
            break
        at = end
    return at


def is_close_frame(frame: bytes | bytearray | memoryview) -> bool:
    """Return whether *frame*, which is whole, is a close frame."""
    return frame[0] & _OPCODE == CLOSE


def server_header(opcode: int, size: int, *, fin: bool = True) -> bytes:
    """Return the header of a server's frame, which is not masked, of *size* bytes of payload."""
    return bytes((_FIN | opcode if fin else opcode, *_length(size)))


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Return a whole frame of a client, with FIN set, and *payload* under a random mask (section 5.3)."""
    size = len(payload)
    length, *longer = _length(size)
    mask = os.urandom(4)
    masks = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(masks, "big")
    return bytes((_FIN | opcode, _MASKED | length, *longer)) + mask + masked.to_bytes(size, "big")


def close_frame(code: int) -> bytes:
    """Return a close frame of a client, with *code* and no reason (section 5.5.1)."""
    return client_frame(CLOSE, code.to_bytes(2, "big"))


def _length(size: int) -> tuple[int, ...]:
    """Return the bytes of a header that tell the length, in the shortest form."""
    if size <= _LONGEST_SHORT:
        return (size,)
    if size < _LEAST[10]:
        return (_TWO_BYTES, *size.to_bytes(2, "big"))
    return (_EIGHT_BYTES, *size.to_bytes(8, "big"))
