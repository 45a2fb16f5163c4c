"""The server's end of one connection, on a plain blocking socket."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import socket
    from types import TracebackType

__all__ = ["Peer", "accept_key", "unmasked"]

_READ = 64 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_HEAD, _MASK = 2, 4  # bytes
_LONGER = {126: 2, 127: 8}  # the marker in the length, and the number of bytes that follow it


def accept_key(key: bytes) -> bytes:
    """Return the value of Sec-WebSocket-Accept for a *key*."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455 has it so


def unmasked(buffer: bytearray) -> tuple[int, bytes] | None:
    """Remove a client's next frame from *buffer*; return opcode and payload, or `None` while it is incomplete."""
    if len(buffer) < _HEAD:
        return None
    size, start = buffer[1] & 0x7F, _HEAD
    if size in _LONGER:
        start += _LONGER[size]
        if len(buffer) < start:
            return None
        size = int.from_bytes(buffer[_HEAD:start], "big")
    end = start + _MASK + size
    if len(buffer) < end:
        return None
    opcode, mask, payload = buffer[0] & 0x0F, bytes(buffer[start : start + _MASK]), buffer[start + _MASK : end]
    del buffer[:end]
    stretched = (mask * (size // _MASK + 1))[:size]
    return opcode, (int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")).to_bytes(size, "big")


class Peer:
    """Reads lines and frames, and sends bytes. A read at the end of the stream raises `EOFError`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send *data*, all of it."""
        self._socket.sendall(data)

    def upgrade(self) -> None:
        """Accept the upgrade to WebSocket."""
        head = self._until(b"\r\n\r\n").split(b"\r\n")
        fields = dict(line.split(b":", 1) for line in head[1:] if b":" in line)
        key = {name.lower(): value.strip() for name, value in fields.items()}[b"sec-websocket-key"]
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        self.send(b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept_key(key), b"", b""]))

    def request(self) -> bytes:
        """Read an HTTP request with its body, and return its first line."""
        first, *fields = self._until(b"\r\n\r\n").split(b"\r\n")
        lengths = [int(field.partition(b":")[2]) for field in fields if field.lower().startswith(b"content-length:")]
        while len(self._buffer) < sum(lengths):
            self._more()
        del self._buffer[: sum(lengths)]
        return first

    def line(self) -> bytes:
        """Return the next line, without its end."""
        return self._until(b"\r\n")

    def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame of a client."""
        while (found := unmasked(self._buffer)) is None:
            self._more()
        return found

    def drain(self) -> None:
        """Read to the end of the stream."""
        while self._socket.recv(_READ):
            pass

    def _until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._more()
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _more(self) -> None:
        data = self._socket.recv(_READ)
        if not data:
            raise EOFError
        self._buffer += data
