"""websockets' asyncio client and the JSON of the standard library: dicts, no typed events."""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.encryption import client_context, url
from benchmarks.frames import AUTH

from .stopwatch import Reading, Stopwatch

__all__ = ["receive"]


async def _take(connection: ClientConnection, count: int) -> None:
    async for message in connection:
        json.loads(message)
        count -= 1
        if not count:
            return


async def _receive(port: int, warm: int, count: int) -> Reading:
    async with connect(url(port), ssl=client_context(), proxy=None) as connection:
        await connection.send(AUTH)
        await connection.recv()
        await _take(connection, warm)
        watch = Stopwatch()
        await _take(connection, count)
        return watch.read(count)


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive dicts in an `async for`."""
    return asyncio.run(_receive(port, warm, count))
