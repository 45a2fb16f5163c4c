"""Decodes one direction of a WebSocket while its bytes are passed on (RFC 6455, section 5)."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from .frame_splitter import FrameSplitter, Piece

__all__ = ["Close", "Head", "Undecodable", "WireItem", "WireReader"]

_LIMIT: Final = 16 * 1024 * 1024  # bytes: the client accepts no longer message, either
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after:[ ]*([0-9A-Za-z ,:]+)", re.IGNORECASE)
_CONTINUATION, _TEXT, _BINARY, _CLOSE = 0, 1, 2, 8


@attrs.frozen
class Head:
    """The HTTP head of the upgrade: of a response its status and `Retry-After`; of a request, neither."""

    status: int | None
    retry_after: str | None = None


@attrs.frozen
class Close:
    """A close frame; `code` is `None` if it has no code."""

    code: int | None
    reason: str


@attrs.frozen
class Undecodable:
    """The data is not a WebSocket's, or a message is too long: nothing after this is decoded."""


WireItem: TypeAlias = Head | Close | Undecodable | str | bytes
"""One item of a direction of a WebSocket: `str` and `bytes` are messages."""


@attrs.define(eq=False)
class WireReader:
    """Decodes the bytes of one direction. It buffers at most one message, of at most 16 MiB."""

    _splitter: FrameSplitter = attrs.field(factory=FrameSplitter, init=False, repr=False)
    _held: int = attrs.field(default=0, init=False)
    _in_head: bool = attrs.field(default=True, init=False)
    _message: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _opcode: int = attrs.field(default=_TEXT, init=False)
    _has_stopped: bool = attrs.field(default=False, init=False)

    def read(self, data: bytes | bytearray) -> list[WireItem]:
        """Return the items that *data* completes. Never raises."""
        if self._has_stopped:
            return []
        pieces = self._splitter.split(data)
        self._held += len(data) - sum(len(piece.data) for piece in pieces)
        items = [item for piece in pieces if (item := self._read(piece)) is not None]
        if self._held + len(self._message) > _LIMIT:
            self._has_stopped = True
            self._splitter, self._message = FrameSplitter(), bytearray()
            items.append(Undecodable())
        return items

    def _read(self, piece: Piece) -> WireItem | None:
        if self._in_head:
            self._in_head = False
            status, delay = _STATUS.match(piece.data), _RETRY_AFTER.search(piece.data)
            return Head(int(status[1]), delay[1].decode() if delay else None) if status else Head(None)
        final, opcode, payload = bool(piece.data[0] & 0x80), piece.data[0] & 0x0F, piece.payload()
        if opcode == _CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None  # noqa: PLR2004 - the code
            return Close(code, payload[2:].decode(errors="replace"))
        if opcode > _BINARY:
            return None  # a ping or pong of the WebSocket, which is not recorded
        if opcode != _CONTINUATION:
            self._opcode = opcode
        self._message += payload
        if not final:
            return None
        whole, self._message = bytes(self._message), bytearray()
        return whole.decode(errors="replace") if self._opcode == _TEXT else whole
