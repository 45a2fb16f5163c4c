"""websockets' Trio client, the JSON of the standard library, and cattrs with its defaults."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import trio
from websockets.trio.client import ClientConnection, connect

from benchmarks.encryption import client_context, url
from benchmarks.frames import AUTH

from .events import reader
from .stopwatch import Reading, Stopwatch

__all__ = ["receive"]


async def _take(connection: ClientConnection, read: Callable[[Any], object], count: int) -> None:
    async for message in connection:
        read(json.loads(message))
        count -= 1
        if not count:
            return


async def _receive(port: int, warm: int, count: int) -> Reading:
    read = reader()
    async with connect(url(port), ssl=client_context(), proxy=None) as connection:
        await connection.send(AUTH)
        await connection.recv()
        await _take(connection, read, warm)
        watch = Stopwatch()
        await _take(connection, read, count)
        return watch.read(count)


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive typed events in an `async for`."""
    return trio.run(_receive, port, warm, count)
