"""nats-py: its callback gets bytes, which are left alone or decoded to dicts; its `async for` gets bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import nats
from nats.aio.msg import Msg

from benchmarks.encryption import client_context

from .stopwatch import Reading, Stopwatch

__all__ = ["iterate", "receive_bytes", "receive_dicts"]

_NO_LIMIT = 2**40  # with the default it would drop a part of a burst


async def _connect(port: int) -> nats.NATS:
    context = client_context()
    secure: dict[str, Any] = {} if context is None else {"tls": context, "tls_handshake_first": True}
    return await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False, **secure)


async def _receive(decode: Callable[[bytes], object], port: int, warm: int, count: int) -> Reading:
    done: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
    left, watch = warm + count, Stopwatch()

    async def take(message: Msg) -> None:
        nonlocal left, watch
        decode(message.data)
        left -= 1
        if left == count:
            watch = Stopwatch()
        elif not left:
            done.set_result(watch.read(count))

    client = await _connect(port)
    await client.subscribe("room", cb=take, pending_msgs_limit=_NO_LIMIT, pending_bytes_limit=_NO_LIMIT)
    reading = await done
    await client.close()
    return reading


def receive_bytes(port: int, warm: int, count: int) -> Reading:
    """Receive bytes."""
    return asyncio.run(_receive(bytes, port, warm, count))


def receive_dicts(port: int, warm: int, count: int) -> Reading:
    """Receive dicts."""
    return asyncio.run(_receive(json.loads, port, warm, count))


async def _iterate(port: int, warm: int, count: int) -> Reading:
    client = await _connect(port)
    subscription = await client.subscribe("room", pending_msgs_limit=_NO_LIMIT, pending_bytes_limit=_NO_LIMIT)
    left, watch = warm + count, Stopwatch()
    async for _ in subscription.messages:
        left -= 1
        if left == count:
            watch = Stopwatch()
        elif not left:
            break
    reading = watch.read(count)
    await client.close()
    return reading


def iterate(port: int, warm: int, count: int) -> Reading:
    """Receive bytes in an `async for`."""
    return asyncio.run(_iterate(port, warm, count))
