"""A server that sends raw bytes, also those that no correct library would send."""

from __future__ import annotations

import base64
import functools
import hashlib
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

Script = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def raw_server(script: Script) -> AsyncGenerator[str, None]:
    """Serve *script* to every connection on a loopback port; yields the ws:// URL."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]

    async def handle(stream: trio.SocketStream) -> None:
        try:
            await script(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, listeners)
        try:
            yield f"ws://127.0.0.1:{port}/"
        finally:
            for listener in listeners:
                listener.socket.close()
        nursery.cancel_scope.cancel()


async def read_head(stream: trio.SocketStream) -> bytes:
    """Read the upgrade request."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some(4096)
        if not data:
            raise trio.BrokenResourceError
        head += data
    return head


def accept_key(head: bytes) -> bytes:
    """The Sec-WebSocket-Accept that belongs to a request."""
    key = next(
        line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest())


def switching(head: bytes) -> bytes:
    """The 101 that accepts a request."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(head) + b"\r\n\r\n"
    )


async def upgrade(stream: trio.SocketStream, surplus: bytes = b"") -> None:
    """Accept the upgrade, with *surplus* bytes in the same write."""
    await stream.send_all(switching(await read_head(stream)) + surplus)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """One unmasked frame."""
    first = opcode | (0x80 if fin else 0)
    if len(payload) < 126:
        return struct.pack("!BB", first, len(payload)) + payload
    if len(payload) < 65536:
        return struct.pack("!BBH", first, 126, len(payload)) + payload
    return struct.pack("!BBQ", first, 127, len(payload)) + payload


def text(payload: str) -> bytes:
    """A text frame."""
    return frame(1, payload.encode())


def close(code: int, reason: str = "") -> bytes:
    """A close frame."""
    return frame(8, struct.pack("!H", code) + reason.encode())


async def read_frames(stream: trio.SocketStream, got: list[tuple[int, bytes]]) -> None:
    """Read masked client frames into *got* until the stream ends."""
    data = bytearray()
    while chunk := await stream.receive_some(65536):
        data += chunk
        while (item := _take(data)) is not None:
            got.append(item)


def _take(data: bytearray) -> tuple[int, bytes] | None:
    """Take the first frame out of *data*, if it is whole: its opcode and payload.

    Neither this nor the unmasking walks through the payload in Python: the client under test
    is in the same event loop, and waits for it.
    """
    if len(data) < 6:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        size, at = struct.unpack("!H", data[2:4])[0], 4
    elif size == 127:
        size, at = struct.unpack("!Q", data[2:10])[0], 10
    if len(data) < at + 4 + size:
        return None
    opcode, mask, payload = data[0] & 0x0F, data[at : at + 4], data[at + 4 : at + 4 + size]
    for i, key in enumerate(mask):
        payload[i::4] = payload[i::4].translate(_xor_table(key))
    del data[: at + 4 + size]
    return opcode, bytes(payload)


@functools.cache
def _xor_table(key: int) -> bytes:
    return bytes(byte ^ key for byte in range(256))


def reset(stream: trio.SocketStream) -> None:
    """Close with a TCP RST."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()
