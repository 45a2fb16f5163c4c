"""Reads along one direction of a WebSocket: what was said, out of the bytes that pass (RFC 6455, section 5)."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from .frame_splitter import FrameSplitter

__all__ = ["Close", "Head", "Lost", "Said", "WireReader"]

_LIMIT: Final = 16 * 1024 * 1024  # bytes: the client takes no longer message, either
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after:[ ]*([0-9A-Za-z ,:]+)", re.IGNORECASE)
_CONTINUATION, _TEXT, _BINARY, _CLOSE = 0, 1, 2, 8


@attrs.frozen
class Head:
    """The HTTP head of the upgrade: of an answer the status, and what `Retry-After` asks for; of a request nothing."""

    status: int | None
    retry_after: str | None = None


@attrs.frozen
class Close:
    """A close frame; `code` is `None` when it has none."""

    code: int | None
    reason: str


@attrs.frozen
class Lost:
    """What comes is no WebSocket, or a message is too long: nothing more is read here."""


Said: TypeAlias = Head | Close | Lost | str | bytes
"""What stands in one direction of a WebSocket: `str` and `bytes` are messages."""


@attrs.define(eq=False)
class WireReader:
    """Takes bytes as they pass, and tells what they say. Holds at most one message, of at most 16 MiB."""

    _splitter: FrameSplitter = attrs.field(factory=FrameSplitter, init=False, repr=False)
    _held: int = attrs.field(default=0, init=False)
    _in_head: bool = attrs.field(default=True, init=False)
    _message: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _opcode: int = attrs.field(default=_TEXT, init=False)
    _lost: bool = attrs.field(default=False, init=False)

    def read(self, data: bytes | bytearray) -> list[Said]:
        """Return what became complete with *data*. Never raises."""
        if self._lost:
            return []
        pieces = [piece.data for piece in self._splitter.split(data)]
        self._held += len(data) - sum(map(len, pieces))
        said = [words for piece in pieces if (words := self._read(piece)) is not None]
        if self._held + len(self._message) > _LIMIT:
            self._lost = True
            self._splitter, self._message = FrameSplitter(), bytearray()
            said.append(Lost())
        return said

    def _read(self, piece: bytes) -> Said | None:
        if self._in_head:
            self._in_head = False
            status, delay = _STATUS.match(piece), _RETRY_AFTER.search(piece)
            return Head(int(status[1]), delay[1].decode() if delay else None) if status else Head(None)
        final, opcode, payload = bool(piece[0] & 0x80), piece[0] & 0x0F, _payload(piece)
        if opcode == _CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None  # noqa: PLR2004 - the code
            return Close(code, payload[2:].decode(errors="replace"))
        if opcode > _BINARY:
            return None  # a WebSocket ping or pong: below what we record
        if opcode != _CONTINUATION:
            self._opcode = opcode
        self._message += payload
        if not final:
            return None
        whole, self._message = bytes(self._message), bytearray()
        return whole.decode(errors="replace") if self._opcode == _TEXT else whole


def _payload(frame: bytes) -> bytes:
    length = frame[1] & 0x7F
    begin = 2 + {126: 2, 127: 8}.get(length, 0)
    if not frame[1] & 0x80:
        return frame[begin:]
    key, masked = frame[begin : begin + 4], frame[begin + 4 :]
    size = len(masked)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(masked, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
