"""Plain text frames, cut out of the server's bytes before trio-websocket sees them."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["TextLane"]

_FIN_TEXT: Final = 0x81  # FIN set, no RSV bit, opcode 1: a whole text message
_FIN, _RSV, _MASKED, _CONTROL = 0x80, 0x70, 0x80, 0x08
_CONTINUATION, _CLOSE = 0x0, 0x8
_PING_OR_PONG: Final = frozenset({0x89, 0x8A})  # FIN set, as it must be
_TOGETHER: Final = 64  # pings and pongs that are given to trio-websocket in one piece
_RESERVED: Final = frozenset({0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF})
_LONGEST_SHORT: Final = 125  # bytes of payload, of a control frame and of what needs no longer header
_TWO_BYTES: Final = 126
_LENGTH_BYTES: Final = {_TWO_BYTES: 2, 127: 8}
_LONG_HEADER: Final = 4  # bytes, where the length takes two
_LEAST: Final = {2: 0, 4: 126, 10: 65536}  # bytes of payload by size of the header: the shortest form is a must


@attrs.define(eq=False)
class TextLane:
    """Follows the frames of a WebSocket from the first byte behind the handshake (RFC 6455, section 5.2).

    A whole, unmasked text message in one frame, with the shortest form of its length, within
    the limit and valid UTF-8, comes out as a `str`. Everything else comes out as the bytes it is, in its place, for
    trio-websocket, which stays the judge of it: control frames, fragments, binary messages. From
    the first byte that RFC 6455 does not allow, and from a close frame on, all of it does.

    It looks at a few frames at a time, when asked: a read may hold tens of thousands.

    Attributes:
        limit: bytes of the longest message.
        takes_text: cut out anything at all; otherwise it only follows.
        close_seen: the server has sent a close frame.
    """

    limit: int
    takes_text: bool = True
    close_seen: bool = attrs.field(default=False, init=False)
    _buffer: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _at: int = attrs.field(default=0, init=False)
    _passing: int = attrs.field(default=0, init=False)  # bytes of a frame that are still to come, for trio-websocket
    _in_fragments: bool = attrs.field(default=False, init=False)
    _over: bool = attrs.field(default=False, init=False)

    def feed(self, data: bytes | bytearray) -> None:
        """Take what was read."""
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
        return self._take(len(self._buffer) - self._at)

    def texts(self, most: int) -> list[str]:
        """Return the text messages that come next, at most so many; none when something else comes first.

        The same as `next()` again and again, where that is simplest; whatever is not simple it leaves to that.
        """
        texts: list[str] = []
        if self._over or self._passing or self._in_fragments or not self.takes_text:
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

    def next(self) -> str | bytes | None:
        """Return the next message, or the next bytes for trio-websocket; `None` when more must be read first."""
        left = len(self._buffer) - self._at
        if self._over or self._passing:
            size = left if self._over else min(left, self._passing)
            self._passing -= min(size, self._passing)
            return self._take(size) if size else None
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

    def _longer(self, first: int, second: int, header: int, left: int, *, plain: bool) -> str | bytes | None:
        """Go on where the header is long, or the frame is not for us."""
        length = self._buffer[self._at + 2 : self._at + header]
        payload = int.from_bytes(length, "big") if length else second
        if payload < _LEAST[header]:
            return self.rest()
        if plain and payload <= self.limit:
            return self._text(header, payload, left)
        return self._pass(first, header + payload, left)

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

    def _pass(self, first: int, size: int, left: int) -> bytes:
        """Give a frame to trio-websocket, as far as it is here."""
        opcode = first & 0x0F
        if opcode == _CLOSE:
            self.close_seen = True
            return self.rest()
        if opcode & _CONTROL:
            size += self._pings_behind(size, left)
        else:
            self._in_fragments = not first & _FIN
        self._passing = max(0, size - left)
        return self._take(min(size, left))

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
