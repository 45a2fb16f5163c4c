"""A handwritten WebSocket on a Trio stream, up to the response to the auth frame, for the bare measurements."""

from __future__ import annotations

import trio

from .encryption import client_context
from .frames import AUTH, AUTH_REPLY, frame

__all__ = ["client_frame", "open_bare"]

_UPGRADE = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_SHORT = 126


def client_frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return *payload* as one client frame with a mask of zeros."""
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < _SHORT else bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2)
    return head + bytes(4) + payload


async def open_bare(port: int) -> tuple[trio.abc.Stream, int]:
    """Connect and authenticate; return the stream, and the number of bytes after the response to the auth frame."""
    stream: trio.abc.Stream = await trio.open_tcp_stream("127.0.0.1", port)
    if (context := client_context()) is not None:
        stream = trio.SSLStream(stream, context, server_hostname="127.0.0.1", https_compatible=True)
    await stream.send_all(_UPGRADE.encode() + client_frame(AUTH.encode()))
    reply = frame(AUTH_REPLY)
    received = b""
    while reply not in received:
        received += await stream.receive_some(4096)
    return stream, len(received) - received.index(reply) - len(reply)
