"""trio-websocket with its defaults, the JSON of the standard library, and cattrs with its defaults: the baseline."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import trio
import trio_websocket

from benchmarks.encryption import client_context, url
from benchmarks.frames import AUTH

from .events import reader
from .stopwatch import Reading, Stopwatch

__all__ = ["receive"]


async def _take(connection: trio_websocket.WebSocketConnection, read: Callable[[Any], object], count: int) -> None:
    for _ in range(count):
        read(json.loads(await connection.get_message()))


async def _receive(port: int, warm: int, count: int) -> Reading:
    read = reader()
    async with trio_websocket.open_websocket_url(url(port), ssl_context=client_context()) as connection:
        await connection.send_message(AUTH)
        await connection.get_message()
        await _take(connection, read, warm)
        watch = Stopwatch()
        await _take(connection, read, count)
        return watch.read(count)


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive typed events in a loop."""
    return trio.run(_receive, port, warm, count)
