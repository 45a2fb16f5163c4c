"""Finds the close frame in the bytes of a WebSocket connection, without changing them.

Hypercorn answers a client's close frame itself and reports code 1006 to the application,
whatever code the frame had. The log's code is therefore read from the bytes.
"""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["CloseFrameSniffer"]

_OPCODE: Final = 0x0F
_CLOSE: Final = 0x8
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_HEAD_END: Final = b"\r\n\r\n"


@attrs.define(eq=False)
class CloseFrameSniffer:
    """Follows one direction of a WebSocket connection.

    Attributes:
        head: an HTTP head comes before the first frame.
    """

    head: bool = False
    _buffer: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _skip: int = attrs.field(default=0, init=False, repr=False)
    _done: bool = attrs.field(default=False, init=False, repr=False)

    def feed(self, data: bytes | bytearray | memoryview) -> tuple[int | None, ...]:
        """Look at the next bytes, and return what close frame ends in them.

        Returns:
            A tuple of its code, or of `None` if it has none; without a close frame an empty tuple.
            Bytes after the close frame are ignored.
        """
        if self._done:
            return ()
        self._buffer += data
        if self.head:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return ()
            del self._buffer[: end + len(_HEAD_END)]
            self.head = False
        return self._frames()

    def _frames(self) -> tuple[int | None, ...]:
        """Drop whole frames from the buffer until it is empty or a close frame is found."""
        while True:
            passed = min(self._skip, len(self._buffer))
            del self._buffer[:passed]
            self._skip -= passed
            header = None if self._skip else self._header()
            if header is None:
                return ()
            size, payload, mask = header
            if self._buffer[0] & _OPCODE != _CLOSE:
                self._skip = size + payload
            elif len(self._buffer) < size + payload:
                return ()
            else:
                self._done = True
                return (self._code(size, payload, mask),)

    def _header(self) -> tuple[int, int, bytes] | None:
        """Read a frame's header: its size, the payload's size, and the mask; `None` until it is complete."""
        buffer = self._buffer
        if len(buffer) < 2:  # noqa: PLR2004 - RFC 6455, section 5.2
            return None
        payload = buffer[1] & _LENGTH
        extended = {126: 2, 127: 8}.get(payload, 0)
        masked = 4 if buffer[1] & _MASKED else 0
        size = 2 + extended + masked
        if len(buffer) < size:
            return None
        if extended:
            payload = int.from_bytes(buffer[2 : 2 + extended], "big")
        return size, payload, bytes(buffer[size - masked : size])

    def _code(self, size: int, payload: int, mask: bytes) -> int | None:
        if payload < 2:  # noqa: PLR2004 - RFC 6455, section 5.5.1
            return None
        first, second = self._buffer[size], self._buffer[size + 1]
        return int.from_bytes((first ^ mask[0], second ^ mask[1]) if mask else (first, second), "big")
