"""Text messages, cut out of the server's bytes before trio-websocket sees them, and messages that are too long."""

from __future__ import annotations

import codecs
from typing import Final

import attrs

from .abc import LONG_MESSAGE_HEAD, LongMessage

__all__ = ["MOST", "TextFrameScanner"]

MOST: Final = 16 * 1024 * 1024
"""Bytes: a longer message is not even read to its end."""
_TEXT, _BINARY = 0x1, 0x2
_FIN_TEXT: Final = 0x81  # FIN set, no RSV bit, opcode 1: a whole text message
_FIN, _RSV, _MASKED, _CONTROL = 0x80, 0x70, 0x80, 0x08
_CONTINUATION, _CLOSE = 0x0, 0x8
_PING_OR_PONG: Final = frozenset({0x89, 0x8A})  # FIN set, as it must be
_TOGETHER: Final = 64  # pings and pongs that are given to trio-websocket in one piece
_PIECES: Final = 256  # of messages that are put together without a pause
_RESERVED: Final = frozenset({0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF})
_LONGEST_SHORT: Final = 125  # bytes of payload, of a control frame and of what needs no longer header
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127
_LENGTH_BYTES: Final = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}
_LONG_HEADER: Final = 4  # bytes, where the length takes two
_LEAST: Final = {2: 0, 4: 126, 10: 65536}  # bytes of payload by size of the header: the shortest form is a must
_LARGEST: Final = 1 << 63  # bytes of payload: a length is never written with its first bit set


def _header(first: int, size: int) -> bytes:
    """Return the header of a frame of *size* bytes that is not masked."""
    if size <= _LONGEST_SHORT:
        return bytes((first, size))
    if size < _LEAST[10]:
        return bytes((first, _TWO_BYTES)) + size.to_bytes(2, "big")
    return bytes((first, _EIGHT_BYTES)) + size.to_bytes(8, "big")


@attrs.define(eq=False)
class _Message:
    """A message that is put together, because it comes in fragments or is too long.

    Attributes:
        opcode: text or binary.
        limit: bytes it may have. Of a longer one only the first 64 KiB are kept.
        is_last: the frame that is being read is its last one.
        left: bytes of that frame that are still to come.
        size: bytes so far, also those that were dropped.
    """

    opcode: int
    limit: int
    is_last: bool = False
    left: int = 0
    size: int = 0
    _kept: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _torn: bytes = attrs.field(default=b"", init=False, repr=False)  # the beginning of a character

    def take(self, piece: bytes) -> None:
        """Take what comes next of the frame. Raises `UnicodeDecodeError`, and has then taken nothing."""
        if self.opcode == _TEXT:
            data = self._torn + piece
            _, used = codecs.utf_8_decode(data, "strict", self.is_last and len(piece) == self.left)
            self._torn = data[used:]
        self.left -= len(piece)
        self.size += len(piece)
        if self.size <= self.limit:
            self._kept += piece
        elif len(self._kept) != LONG_MESSAGE_HEAD:
            self._kept += piece[: max(0, LONG_MESSAGE_HEAD - len(self._kept))]
            del self._kept[LONG_MESSAGE_HEAD:]

    def whole(self) -> str | bytes | LongMessage:
        """Return what has come: a text, the frame of a binary message for trio-websocket, or what is kept of too long a message."""
        is_text = self.opcode == _TEXT
        if self.size <= self.limit:
            return self._kept.decode() if is_text else _header(_FIN | _BINARY, self.size) + self._kept
        # The last character that is kept may be cut.
        return LongMessage(codecs.utf_8_decode(self._kept)[0] if is_text else bytes(self._kept), self.size)

    def resumed(self) -> bytes:
        """Return what trio-websocket must see to go on from here: a frame that begins where nothing is left of the past."""
        return _header(self.opcode | (_FIN if self.is_last else 0), len(self._torn) + self.left) + self._torn


@attrs.define(eq=False)
class TextFrameScanner:
    """Follows the frames of a WebSocket from the first byte behind the handshake (RFC 6455, section 5.2).

    A text message that is within the limit, valid UTF-8, not masked and has the shortest form of its
    lengths comes out as a `str`, also one that came in fragments. A message beyond the limit comes out as a `LongMessage`; nearly
    all of it is dropped as it comes. Everything else comes out as the bytes it is, in its place, for
    trio-websocket, which stays the judge of it: control frames and binary messages, these in one frame. From
    the first byte that RFC 6455 does not allow, and from a close frame on, all of it does.

    It looks at a few frames at a time, when asked: a read may hold tens of thousands.

    Attributes:
        limit: bytes of the longest message.
        takes_text: cut out anything at all; otherwise it only follows.
        close_seen: the server has sent a close frame.
        refused: it has sent more than `MOST` bytes of a message: nothing comes out any more.
    """

    limit: int
    takes_text: bool = True
    close_seen: bool = attrs.field(default=False, init=False)
    refused: bool = attrs.field(default=False, init=False)
    _buffer: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _at: int = attrs.field(default=0, init=False)
    _passing: int = attrs.field(default=0, init=False)  # bytes of a frame that are still to come, for trio-websocket
    _message: _Message | None = attrs.field(default=None, init=False)
    _in_fragments: bool = attrs.field(default=False, init=False)
    _over: bool = attrs.field(default=False, init=False)

    def feed(self, data: bytes | bytearray) -> None:
        """Take what was read, or drop it when nothing comes out any more."""
        if not self.refused:
            self.drop_taken()
            self._buffer += data

    def drop_taken(self) -> None:
        """Keep only what was not taken yet: before a wait for more, which may be long, and a read is up to 256 KiB."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0

    @property
    def exhausted(self) -> bool:
        """Whether nothing that was read is left: `next()` has nothing."""
        return self._at >= len(self._buffer)

    def rest(self) -> bytes:
        """Return all that is left, complete or not: nothing more is coming, or nobody takes messages any longer."""
        self._over = True
        begun, self._message = self._message, None
        rest = self._take(len(self._buffer) - self._at)
        return rest if begun is None else begun.resumed() + rest

    def texts(self, most: int) -> list[str]:
        """Return the text messages that come next, at most so many; none when something else comes first.

        The same as `next()` again and again, where that is simplest; whatever is not simple it leaves to that.
        """
        texts: list[str] = []
        if self._over or self._passing or self._message is not None or not self.takes_text:
            return texts
        buffer, at, limit = self._buffer, self._at, self.limit
        end = len(buffer)
        last = end - _LONG_HEADER
        for _ in range(most):
            if at >= last or buffer[at] != _FIN_TEXT:
                break
            size = buffer[at + 1]
            start = at + 2
            if size >= _TWO_BYTES:
                if size != _TWO_BYTES:
                    break
                size = buffer[start] << 8 | buffer[at + 3]
                start = at + _LONG_HEADER
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
        self._at = at
        return texts

    def next(self) -> str | bytes | LongMessage | None:
        """Return the next message, or the next bytes for trio-websocket; `None` when more must be read first.

        No bytes at all mean that so many fragments have come that the caller should let others run, and ask again.
        """
        left = len(self._buffer) - self._at
        if self._over or self._passing:
            size = left if self._over else min(left, self._passing)
            self._passing -= min(size, self._passing)
            return self._take(size) if size else None
        for _ in range(_PIECES):
            message = self._message
            piece = self._frame() if message is None or not message.left else self._collect(message)
            if piece != b"":
                return piece
        return b""

    def _frame(self) -> str | bytes | LongMessage | None:
        """Look at the frame that comes next."""
        left = len(self._buffer) - self._at
        if left < 2:  # noqa: PLR2004 - the shortest header
            return None
        first, second = self._buffer[self._at], self._buffer[self._at + 1]
        plain = first == _FIN_TEXT and self.takes_text and not self._in_fragments
        if plain and second <= _LONGEST_SHORT:
            return self._text(2, second, left)
        if self._is_odd(first, second):
            return self.rest()
        header = 2 + _LENGTH_BYTES.get(second, 0)
        return self._longer(first, second, header, left, plain=plain) if left >= header else None

    def _longer(
        self, first: int, second: int, header: int, left: int, *, plain: bool
    ) -> str | bytes | LongMessage | None:
        """Go on where the header is long, or the frame is no text message of its own."""
        length = self._buffer[self._at + 2 : self._at + header]
        payload = int.from_bytes(length, "big") if length else second
        if not _LEAST[header] <= payload < _LARGEST:
            return self.rest()
        if plain and payload <= self.limit:
            return self._text(header, payload, left)
        is_last = first & _FIN != 0
        if first & _CONTROL:
            return self._pass_control(first, header + payload, left)
        whole = is_last and not self._in_fragments
        self._in_fragments = not is_last
        if not self.takes_text or (whole and payload <= self.limit):
            size = header + payload
            self._passing = max(0, size - left)
            return self._take(min(size, left))
        self._at += header
        if self._message is None:
            self._message = _Message(first & 0x0F, self.limit)
        self._message.is_last, self._message.left = is_last, payload
        return self._collect(self._message)

    def _collect(self, message: _Message) -> str | bytes | LongMessage | None:
        """Take what is here of a frame; return the message when it is whole or can never be."""
        piece = bytes(self._buffer[self._at : self._at + message.left])
        if message.left and not piece:
            return None
        try:
            message.take(piece)
        except UnicodeDecodeError:
            return self.rest()
        self._at += len(piece)
        if message.size > MOST:
            self.refused = True
            self._buffer.clear()
            self._at = 0
        elif message.left or not message.is_last:
            return b""
        self._message = None
        return message.whole()

    def _text(self, header: int, payload: int, left: int) -> str | bytes | None:
        """Cut a text message out, if all of it is here."""
        if left < header + payload:
            return None
        start = self._at + header
        try:
            text = self._buffer[start : start + payload].decode()
        except UnicodeDecodeError:
            return self.rest()
        self._at = start + payload
        return text

    def _is_odd(self, first: int, second: int) -> bool:
        """Tell whether RFC 6455 forbids a frame that begins so: for a server, now, without extensions."""
        opcode = first & 0x0F
        if first & _RSV or second & _MASKED or opcode in _RESERVED:
            return True
        if opcode & _CONTROL:
            return not first & _FIN or second > _LONGEST_SHORT
        return (opcode == _CONTINUATION) != self._in_fragments

    def _pass_control(self, first: int, size: int, left: int) -> bytes | None:
        """Give a control frame to trio-websocket, when all of it is here."""
        if left < size:
            return None
        if first & 0x0F == _CLOSE:
            self.close_seen = True
            return self.rest()
        return self._take(size + self._pings_behind(size, left))

    def _pings_behind(self, start: int, left: int) -> int:
        """Return the bytes of the pings and pongs that are whole and begin at *start*: a piece for each costs more than they do."""
        size = 0
        for _ in range(_TOGETHER - 1):
            at = self._at + start + size
            if left - start - size < 2 or self._buffer[at] not in _PING_OR_PONG:  # noqa: PLR2004 - the shortest header
                break
            payload = self._buffer[at + 1]
            if payload > _LONGEST_SHORT or left - start - size < 2 + payload:
                break
            size += 2 + payload
        return size

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[self._at : self._at + size])
        self._at += size
        return data
