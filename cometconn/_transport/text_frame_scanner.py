"""Reads text messages, and messages that are too long, out of the server's bytes before trio-websocket sees them."""

from __future__ import annotations

import codecs
from typing import Final

import attrs

from .abc import LONG_MESSAGE_HEAD, LongMessage
from .frames import (
    BINARY,
    CLOSE,
    TEXT,
    ForbiddenFrameError,
    FrameHeader,
    pings_end,
    read_fragments,
    read_header,
    read_texts,
    server_header,
)

__all__ = ["MOST", "TextFrameScanner"]

MOST: Final = 16 * 1024 * 1024
"""Bytes of a message from which on its end is not waited for."""
_TOGETHER: Final = 64  # pings and pongs that trio-websocket gets in one piece
_PIECES: Final = 256  # fragments that are put together in one step of the scheduler


@attrs.define(eq=False)
class _Message:
    """A message that is put together, because it comes in fragments or is too long.

    Attributes:
        opcode: text or binary.
        limit: bytes it may have. Of a longer one only the first 64 KiB are kept.
        is_last: the frame that is being read is its last one.
        left: bytes of that frame that are still to come.
        size: bytes so far, including those that were dropped.
    """

    opcode: int
    limit: int
    is_last: bool = False
    left: int = 0
    size: int = 0
    _kept: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _torn: bytes = attrs.field(default=b"", init=False, repr=False)  # the beginning of a character

    def take(self, piece: bytes | bytearray) -> None:
        """Take what comes next of the frame. Raises `UnicodeDecodeError`, and has then taken nothing."""
        if self.opcode == TEXT:
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

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it is read."""
        return self.size > MOST or (self.is_last and not self.left)

    def whole(self) -> str | bytes | LongMessage:
        """Return the message: a text, the one frame of a binary message for trio-websocket, or a `LongMessage`."""
        is_text = self.opcode == TEXT
        if self.size <= self.limit:
            return self._kept.decode() if is_text else server_header(BINARY, self.size) + self._kept
        # The last character that is kept may be cut.
        return LongMessage(codecs.utf_8_decode(self._kept)[0] if is_text else bytes(self._kept), self.size)

    def resumed(self) -> bytes:
        """Return the frame with which trio-websocket can go on from here: it begins with what is left of the message."""
        return server_header(self.opcode, len(self._torn) + self.left, fin=self.is_last) + self._torn


@attrs.define(eq=False)
class TextFrameScanner:
    """Follows the frames of a WebSocket from the first byte behind the opening handshake (RFC 6455, section 5.2).

    A text message that is within the limit and allowed by RFC 6455 comes out as a `str`, also one that came in
    fragments. A message beyond the limit comes out as a `LongMessage`; all but its first 64 KiB is dropped as it
    comes. Everything else comes out as bytes, in its place, for trio-websocket: control frames, and binary messages,
    each in one frame. trio-websocket alone judges errors: from the first byte that RFC 6455 does not allow, and from a
    close frame on, every byte goes to it.

    One call looks at a few frames, because a read may hold tens of thousands.

    Attributes:
        limit: bytes of the longest message.
        takes_text: take messages out; otherwise the scanner only follows the frames.
        close_seen: the server has sent a close frame.
        refused: the server has sent more than `MOST` bytes of a message: nothing comes out any more.
    """

    limit: int
    takes_text: bool = True
    close_seen: bool = attrs.field(default=False, init=False)
    refused: bool = attrs.field(default=False, init=False)
    _buffer: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _at: int = attrs.field(default=0, init=False)
    _waits: bool = attrs.field(default=False, init=False)  # what is left is the beginning of a text frame
    _checked: int = attrs.field(default=0, init=False)  # up to here a text frame that is not all here is valid UTF-8
    _passing: int = attrs.field(default=0, init=False)  # bytes still to come of a frame that goes to trio-websocket
    _message: _Message | None = attrs.field(default=None, init=False)
    _in_fragments: bool = attrs.field(default=False, init=False)
    _passes_all: bool = attrs.field(default=False, init=False)

    def feed(self, data: bytes | bytearray) -> None:
        """Take what was read; drop it when nothing comes out any more."""
        if not self.refused:
            if self._at:
                self.drop_taken()
            self._buffer += data
            self._waits = False

    def drop_taken(self) -> None:
        """Free what was taken: a wait for more may be long, and a read has up to 64 KiB."""
        if self._at:
            del self._buffer[: self._at]
            self._checked -= self._at
            self._at = 0

    @property
    def exhausted(self) -> bool:
        """Whether nothing comes out before more is read, so that `next()` would return `None`.

        It may be `False` if that is not known yet.
        """
        return self._at >= len(self._buffer) or self._waits

    def rest(self) -> bytes:
        """Return all that is left, complete or not, for trio-websocket, which from now on gets everything."""
        self._passes_all = True
        begun, self._message = self._message, None
        rest = self._take(len(self._buffer) - self._at)
        return rest if begun is None else begun.resumed() + rest

    def texts(self, most: int) -> list[str]:
        """Return the text messages that come next, at most *most*; none when something else comes first.

        They are those that as many calls of `next()` would return. What is not simple is left to `next()`.
        """
        if self._passes_all or self._passing or self._message is not None or not self.takes_text:
            return []
        texts, self._at = read_texts(self._buffer, self._at, most, self.limit)
        if len(texts) < most and self._at < len(self._buffer):
            self._waits = self._is_begun_text()
        return texts

    def next(self) -> str | bytes | LongMessage | None:
        """Return the next message, or the next bytes for trio-websocket; `None` when more must be read first.

        Empty bytes mean that 256 fragments were put together: the caller lets other tasks run, and calls again.
        """
        if self._passes_all or self._passing:
            left = len(self._buffer) - self._at
            size = left if self._passes_all else min(left, self._passing)
            self._passing -= min(size, self._passing)
            return self._take(size) if size else None
        left, joins = _PIECES, True
        while left > 0:
            message = self._message
            if joins and message is not None and not message.left:
                joined = self._join(message)
                if message.is_over:
                    return self._end(message)
                left -= joined
                joins = joined > 0
            piece = self._frame() if message is None or not message.left else self._collect(message)
            if piece != b"":
                return piece
            left -= 1
        return b""

    def _frame(self) -> str | bytes | LongMessage | None:
        """Take the frame that comes next, or what is here of it."""
        try:
            header = read_header(self._buffer, self._at, in_fragments=self._in_fragments)
        except ForbiddenFrameError:
            return self.rest()
        if header is None:
            return None
        is_whole = header.fin and not self._in_fragments and header.payload <= self.limit
        if header.is_control:
            return self._control(header)
        if header.opcode == TEXT and is_whole and self.takes_text:
            return self._text(header)
        self._in_fragments = not header.fin
        if is_whole or not self.takes_text:
            return self._pass_on(header)
        self._at += header.size
        if self._message is None:
            self._message = _Message(header.opcode, self.limit)
        self._message.is_last, self._message.left = header.fin, header.payload
        return self._collect(self._message)

    def _join(self, message: _Message) -> int:
        """Take the short fragments that come next, together; return how many. The others are left to `_frame()`."""
        payload, end, count, is_last = read_fragments(self._buffer, self._at, _PIECES)
        message.left, message.is_last = len(payload), is_last
        try:
            message.take(payload)
        except UnicodeDecodeError:  # `_frame()` finds out in which of them
            message.left, message.is_last = 0, False
            return 0
        self._at, self._in_fragments = end, not is_last
        return count

    def _end(self, message: _Message) -> str | bytes | LongMessage:
        if message.size > MOST:
            self.refused = True
            self._buffer.clear()
            self._at = 0
        self._message = None
        return message.whole()

    def _control(self, header: FrameHeader) -> bytes | None:
        """Return a control frame when all of it is here; with a ping, the pings behind it: a piece for each costs more."""
        end = self._at + header.size + header.payload
        if end > len(self._buffer):
            return None
        if header.opcode == CLOSE:
            self.close_seen = True
            return self.rest()
        return self._take(pings_end(self._buffer, end, _TOGETHER - 1) - self._at)

    def _text(self, header: FrameHeader) -> str | bytes | None:
        """Return the text message of one frame when all of it is here; until then, look for invalid UTF-8 in what is."""
        start = self._at + header.size
        end = start + header.payload
        try:
            if end > len(self._buffer):
                self._check(start)
                return None
            # No slice, because a copy of 1 MiB takes longer than to decode it.
            with memoryview(self._buffer) as whole, whole[start:end] as payload:
                text = str(payload, "utf-8")
        except UnicodeDecodeError:
            return self.rest()
        self._at = end
        return text

    def _check(self, start: int) -> None:
        """Look for invalid UTF-8 in what is here of the text that begins at *start*. Raises `UnicodeDecodeError`."""
        begin = max(start, self._checked)
        with memoryview(self._buffer) as whole, whole[begin:] as piece:
            self._checked = begin + codecs.utf_8_decode(piece)[1]

    def _is_begun_text(self) -> bool:
        """Return whether what is left is the beginning of a text frame, and valid so far, or of a header.

        Nearly every read in a burst ends so. A call of `next()` would find it out in another step of the scheduler.
        """
        try:
            header = read_header(self._buffer, self._at, in_fragments=self._in_fragments)
            if header is None:
                return True
            start = self._at + header.size
            is_text = header.opcode == TEXT and header.fin and header.payload <= self.limit
            if not is_text or start + header.payload <= len(self._buffer):
                return False
            self._check(start)
        except (ForbiddenFrameError, UnicodeDecodeError):
            return False
        return True

    def _pass_on(self, header: FrameHeader) -> bytes:
        """Return what is here of a frame for trio-websocket; the rest of it follows as it comes."""
        size, left = header.size + header.payload, len(self._buffer) - self._at
        self._passing = max(0, size - left)
        return self._take(min(size, left))

    def _collect(self, message: _Message) -> str | bytes | LongMessage | None:
        """Take what is here of a frame of *message*; return the message when it is whole, or longer than `MOST`."""
        piece = bytes(self._buffer[self._at : self._at + message.left])
        if message.left and not piece:
            return None
        try:
            message.take(piece)
        except UnicodeDecodeError:
            return self.rest()
        self._at += len(piece)
        return self._end(message) if message.is_over else b""

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[self._at : self._at + size])
        self._at += size
        return data
