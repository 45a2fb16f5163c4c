"""cometconn on asyncio, by its public names: `cometconn.aio.open_client()` and `events()`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from benchmarks.encryption import client_context, url
from benchmarks.frames import APP, TOKEN
from benchmarks.machine import resident
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.aio import CometChat, EventStream, open_client
from cometconn.events import TextMessage

from .ours import BesideRest
from .stopwatch import Reading, Stopwatch

__all__ = ["memory", "ping", "receive", "receive_on_uvloop"]


def _open_client(port: int) -> AbstractAsyncContextManager[CometChat]:
    endpoints, environment = Endpoints.at(url(port, "http")), BesideRest(proxy="", ssl_context=client_context())
    return open_client(APP, AppSettings(), store=MemoryStore(), endpoints=endpoints, environment=environment)


async def _take(events: EventStream[Any], count: int) -> None:
    async for _ in events:
        count -= 1
        if not count:
            return


async def _receive(port: int, warm: int, count: int) -> Reading:
    async with _open_client(port) as chat, chat.events(TextMessage) as events:
        await chat.login(auth_token=TOKEN)
        await _take(events, warm)
        watch = Stopwatch()
        await _take(events, count)
        return watch.read(count)


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive typed events in an `async for`."""
    return asyncio.run(_receive(port, warm, count))


def receive_on_uvloop(port: int, warm: int, count: int) -> Reading:
    """Receive typed events in an `async for`, on uvloop's event loop."""
    import uvloop  # noqa: PLC0415 - may be missing

    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_receive(port, warm, count))


async def _ping(port: int, warm: int, count: int) -> Reading:
    async with _open_client(port) as chat:
        await chat.login(auth_token=TOKEN)
        await chat.connect()
        for _ in range(warm):
            await chat.ping()
        watch = Stopwatch()
        for _ in range(count):
            await chat.ping()
        return watch.read(count)


def ping(port: int, warm: int, count: int) -> Reading:
    """Send *count* pings after *warm* others, one after the other."""
    return asyncio.run(_ping(port, warm, count))


async def _member(port: int, ready: asyncio.Event) -> None:
    async with _open_client(port) as chat, chat.events() as events:
        await chat.login(auth_token=TOKEN)
        await chat.connect()
        await chat.ping()
        ready.set()
        async for _ in events:
            pass


async def _memory(port: int, warm: int, count: int) -> Reading:
    members = []

    async def join(clients: int) -> None:
        for _ in range(clients):
            ready = asyncio.Event()
            members.append(asyncio.create_task(_member(port, ready)))
            await ready.wait()
        gc.collect()

    await join(warm)
    before = resident()
    await join(count)
    used = resident() - before
    for member in members:
        member.cancel()
    await asyncio.gather(*members, return_exceptions=True)
    return {"bytes": used / count}


def memory(port: int, warm: int, count: int) -> Reading:
    """Return the memory of each of *count* clients that are opened beside *warm* others, each with a stream that is read."""
    return asyncio.run(_memory(port, warm, count))
