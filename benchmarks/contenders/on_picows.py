"""picows, a Cython client: it delivers messages only to a callback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import picows

from benchmarks.encryption import client_context, url
from benchmarks.frames import AUTH

from .events import reader
from .stopwatch import Reading, Stopwatch

__all__ = ["receive_dicts", "receive_typed"]


class _Listener(picows.WSListener):
    """Decodes every text frame, and records the times after *warm* messages and after *count* more."""

    def __init__(self, decode: Callable[[bytes], object], warm: int, count: int) -> None:
        self.done: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._decode = decode
        self._warm = warm + 1  # the first is the response to the auth frame
        self._count = count
        self._left = warm + 1 + count
        self._watch: Stopwatch | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        transport.send(picows.WSMsgType.TEXT, AUTH.encode())

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if self._left <= self._warm + self._count - 1:
            self._decode(frame.get_payload_as_bytes())
        self._left -= 1
        if self._left == self._count:
            self._watch = Stopwatch()
        elif not self._left and self._watch is not None:
            self.done.set_result(self._watch.read(self._count))


async def _receive(decode: Callable[[bytes], object], port: int, warm: int, count: int) -> Reading:
    transport, listener = await picows.ws_connect(
        lambda: _Listener(decode, warm, count), url(port), ssl_context=client_context()
    )
    reading = await listener.done
    transport.disconnect()
    return reading


def receive_dicts(port: int, warm: int, count: int) -> Reading:
    """Receive dicts, by the JSON of the standard library."""
    return asyncio.run(_receive(json.loads, port, warm, count))


def receive_typed(port: int, warm: int, count: int) -> Reading:
    """Receive typed events, by orjson and cattrs with its faster setting."""
    import orjson  # noqa: PLC0415 - picows alone does not need it

    read = reader(detailed=False)

    def decode(payload: bytes) -> Any:
        return read(orjson.loads(payload))

    return asyncio.run(_receive(decode, port, warm, count))
