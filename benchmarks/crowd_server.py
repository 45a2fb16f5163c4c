"""A CometChat server for a crowd of clients, a process of its own on asyncio: it handles upgrade, auth, pings and closes.

It prints its port. Each line of its input is a number of messages to send to every client, and how many times, with pauses
between them. Its output is the number of clients, and the time of the first sending on the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time

from .encryption import server_context
from .frames import AUTH_REPLY, CLOSE, PONG, frame, message
from .machine import raise_file_limit
from .sockets import accept_key, unmasked

__all__ = ["CrowdServer", "main"]

_HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_PAUSE = 0.002  # seconds in which a client handles what it got, so that its next read has the next messages only


class CrowdServer:
    """The connected clients, and what is sent to them."""

    def __init__(self) -> None:
        self.there: set[asyncio.Transport] = set()
        self._sent = 0

    def push(self, count: int) -> dict[str, float]:
        """Send the next *count* new messages to every client; return the number of clients, and the time."""
        burst = b"".join(frame(message(number)) for number in range(self._sent, self._sent + count))
        self._sent += count
        at = time.monotonic()
        for transport in self.there:
            transport.write(burst)
        return {"told": len(self.there), "at": at}

    def __call__(self) -> asyncio.Protocol:
        """Return a protocol for one more connection."""
        return _Connection(self.there)


class _Connection(asyncio.Protocol):
    def __init__(self, there: set[asyncio.Transport]) -> None:
        self._there = there
        self._buffer = bytearray()
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._there.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._upgraded, self._buffer = True, rest
            key = bytes(head).lower().index(b"sec-websocket-key:") + len(b"sec-websocket-key:")
            self._transport.write(_HEAD + accept_key(bytes(head[key:].split(b"\r\n")[0].strip())) + b"\r\n\r\n")
        while (found := unmasked(self._buffer)) is not None:
            self._answer(*found)

    def _answer(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            self._transport.write(CLOSE)
            self._transport.close()
        elif opcode == _PING:
            self._transport.write(frame(payload, _PONG))
        elif b'"ping"' in payload:
            self._transport.write(frame(PONG))
        elif b'"auth"' in payload:
            self._transport.write(frame(AUTH_REPLY))
            self._there.add(self._transport)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    crowd, ended = CrowdServer(), asyncio.Event()
    server = await loop.create_server(crowd, "127.0.0.1", 0, backlog=1024, ssl=server_context())
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)

    async def push(count: int, times: int) -> None:
        pushed = crowd.push(count)
        for _ in range(times - 1):
            await asyncio.sleep(_PAUSE)
            crowd.push(count)
        print(json.dumps(pushed), flush=True)

    def listen() -> None:
        for line in sys.stdin:
            job = json.loads(line)
            asyncio.run_coroutine_threadsafe(push(job["push"], job.get("times", 1)), loop)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


def main() -> None:
    """Serve until the input ends."""
    raise_file_limit()
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
