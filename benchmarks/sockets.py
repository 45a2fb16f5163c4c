"""The server's end of one connection, on a plain blocking socket."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import socket
    from types import TracebackType

__all__ = ["Peer", "accept_key"]

_READ = 64 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_SHORT, _MEDIUM = 126, 127


def accept_key(key: bytes) -> bytes:
    """Return the value of Sec-WebSocket-Accept for a *key*."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455 has it so


class Peer:
    """Reads lines and frames, and sends bytes. Whatever is read first at the end of the stream raises `EOFError`."""

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
        """Answer the upgrade to WebSocket."""
        head = self._until(b"\r\n\r\n").split(b"\r\n")
        fields = dict(line.split(b":", 1) for line in head[1:] if b":" in line)
        key = {name.lower(): value.strip() for name, value in fields.items()}[b"sec-websocket-key"]
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        self.send(b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept_key(key), b"", b""]))

    def line(self) -> bytes:
        """Return the next line, without its end."""
        return self._until(b"\r\n")

    def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame of a client."""
        first, second = self._take(2)
        size = second & 0x7F
        if size == _SHORT:
            size = int.from_bytes(self._take(2), "big")
        elif size == _MEDIUM:
            size = int.from_bytes(self._take(8), "big")
        mask, payload = self._take(4), self._take(size)
        whole = int.from_bytes(mask * (size // 4 + 1), "big") >> 8 * (4 - size % 4)
        return first & 0x0F, (int.from_bytes(payload, "big") ^ whole).to_bytes(size, "big")

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

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _more(self) -> None:
        data = self._socket.recv(_READ)
        if not data:
            raise EOFError
        self._buffer += data
