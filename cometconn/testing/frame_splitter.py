"""Splits the bytes of one direction of a WebSocket into frames (RFC 6455, section 5.2)."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["FrameSplitter", "Piece"]

_HEAD_END: Final = b"\r\n\r\n"
_DATA: Final = frozenset({0, 1, 2})  # continuation, text, binary
_LENGTH_BYTES: Final = {126: 2, 127: 8}


@attrs.frozen
class Piece:
    """One frame, or the HTTP head.

    Attributes:
        data: the bytes as received.
        message: whether it is a frame of a message, and not a control frame or the HTTP head.
    """

    data: bytes = attrs.field(repr=False)
    message: bool

    def payload(self) -> bytes:
        """Return the payload of the frame, unmasked."""
        begin = 2 + _LENGTH_BYTES.get(self.data[1] & 0x7F, 0)
        if not self.data[1] & 0x80:
            return self.data[begin:]
        key, masked = self.data[begin : begin + 4], self.data[begin + 4 :]
        size = len(masked)
        mask = (key * (size // 4 + 1))[:size]
        return (int.from_bytes(masked, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


@attrs.define(eq=False)
class FrameSplitter:
    """Holds bytes back until a frame is complete. Both directions begin with an HTTP head."""

    _waiting: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _in_head: bool = attrs.field(default=True, init=False)

    def split(self, data: bytes | bytearray) -> list[Piece]:
        """Add *data*, and return the pieces that are complete now."""
        self._waiting += data
        pieces = []
        while (size := self._size_of_first()) is not None and size <= len(self._waiting):
            whole = bytes(self._waiting[:size])
            del self._waiting[:size]
            pieces.append(Piece(whole, not self._in_head and whole[0] & 0x0F in _DATA))
            self._in_head = False
        return pieces

    def _size_of_first(self) -> int | None:
        waiting = self._waiting
        if self._in_head:
            end = waiting.find(_HEAD_END)
            return end + len(_HEAD_END) if end >= 0 else None
        if len(waiting) < 2:  # noqa: PLR2004 - the shortest frame
            return None
        short = waiting[1] & 0x7F
        more = _LENGTH_BYTES.get(short, 0)
        if len(waiting) < 2 + more:
            return None
        payload = int.from_bytes(waiting[2 : 2 + more], "big") if more else short
        return 2 + more + (4 if waiting[1] & 0x80 else 0) + payload
