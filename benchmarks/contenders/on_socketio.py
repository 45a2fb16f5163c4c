"""python-socketio's asyncio client: its event callback gets dicts."""

from __future__ import annotations

import asyncio

import aiohttp  # noqa: F401 - python-socketio needs it, and without it fails only when it connects
import socketio

from benchmarks.encryption import client_context, url

from .stopwatch import Reading, Stopwatch

__all__ = ["receive"]


async def _receive(port: int, warm: int, count: int) -> Reading:
    options = {} if (context := client_context()) is None else {"ssl": context}
    client = socketio.AsyncClient(reconnection=False, websocket_extra_options=options)
    done: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
    left, watch = warm + count, Stopwatch()

    @client.on("message")
    def take(_: object) -> None:
        nonlocal left, watch
        left -= 1
        if left == count:
            watch = Stopwatch()
        elif not left:
            done.set_result(watch.read(count))

    await client.connect(url(port, "http"), transports=["websocket"])
    reading = await done
    await client.disconnect()
    return reading


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive dicts in its callback."""
    return asyncio.run(_receive(port, warm, count))
