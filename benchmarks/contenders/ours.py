"""cometconn, by its public names: `open_client()` and `events()`."""

from __future__ import annotations

import gc
from contextlib import AbstractAsyncContextManager

import trio

from benchmarks.encryption import client_context, url
from benchmarks.frames import APP, LOGIN, TOKEN
from benchmarks.machine import resident
from cometconn import AppSettings, CometChat, Endpoints, EventStream, MemoryStore, open_client
from cometconn.environment import Environment, Request, Response, SystemEnvironment
from cometconn.events import TextMessage
from cometconn.stores import Store

from .stopwatch import Reading, Stopwatch

__all__ = ["BesideRest", "batches", "memory", "open_bench_client", "ping", "receive", "saved_session", "subscribers"]


class BesideRest(SystemEnvironment):
    """The default environment except for REST: the response to a login comes from here, so that only the socket is measured."""

    async def request(self, request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(200, {}, LOGIN)


def open_bench_client(
    port: int,
    settings: AppSettings | None = None,
    host: str = "127.0.0.1",
    environment: Environment | None = None,
    store: Store | None = None,
) -> AbstractAsyncContextManager[CometChat]:
    """Open a client that can log in with `TOKEN`. This is no generator, because its memory would count as the client's."""
    endpoints = Endpoints.at(url(port, "http").replace("127.0.0.1", host))
    environment = environment or BesideRest(proxy="", ssl_context=client_context())
    settings = settings or AppSettings()
    return open_client(APP, settings, store=store or MemoryStore(), endpoints=endpoints, environment=environment)


async def saved_session(port: int) -> str:
    """Return the text form of the session that a login at that server saves."""
    store = MemoryStore()
    async with open_bench_client(port, AppSettings(auto_establish_socket_connection=False), store=store) as chat:
        await chat.login(auth_token=TOKEN)
    return (await store.load(APP)).to_text()


async def _take(events: EventStream, count: int) -> None:
    async for _ in events:
        count -= 1
        if not count:
            return


async def _receive(port: int, warm: int, count: int) -> Reading:
    async with open_bench_client(port) as chat, chat.events(TextMessage) as events:
        await chat.login(auth_token=TOKEN)
        await _take(events, warm)
        watch = Stopwatch()
        await _take(events, count)
        return watch.read(count)


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive typed events in an `async for`."""
    return trio.run(_receive, port, warm, count)


async def _take_batches(events: EventStream, count: int) -> int:
    taken = 0
    while taken < count:
        for _ in await events.batch():
            taken += 1
    return taken


async def _batches(port: int, warm: int, count: int) -> Reading:
    async with open_bench_client(port) as chat, chat.events(TextMessage) as events:
        await chat.login(auth_token=TOKEN)
        more = await _take_batches(events, warm) - warm
        watch = Stopwatch()
        await _take_batches(events, count - more)
        return watch.read(count - more)


def batches(port: int, warm: int, count: int) -> Reading:
    """Receive typed events by `batch()`."""
    return trio.run(_batches, port, warm, count)


async def _subscribers(port: int, count: int, streams: int) -> Reading:
    watch: Stopwatch | None = None

    async def subscribe(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal watch
        async with chat.events(TextMessage) as events:
            task_status.started()
            await _take(events, 1)
            watch = watch or Stopwatch()
            await _take(events, count - 1)

    async with open_bench_client(port) as chat:
        gc.collect()
        before = resident()
        async with trio.open_nursery() as nursery:
            for _ in range(streams):
                await nursery.start(subscribe)
            subscribed = resident() - before
            await chat.login(auth_token=TOKEN)
        assert watch is not None
        return {**watch.read(count - 1), "bytes": subscribed}


def subscribers(port: int, count: int, streams: int) -> Reading:
    """Deliver *count* messages to each of several streams of one client; `bytes` is the memory of the empty streams."""
    return trio.run(_subscribers, port, count, streams)


async def _ping(port: int, warm: int, count: int) -> Reading:
    async with open_bench_client(port) as chat:
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
    return trio.run(_ping, port, warm, count)


async def _member(port: int, *, task_status: trio.TaskStatus[None]) -> None:
    async with open_bench_client(port) as chat, chat.events() as events:
        await chat.login(auth_token=TOKEN)
        await chat.connect()
        await chat.ping()
        task_status.started()
        async for _ in events:
            pass


async def _memory(port: int, warm: int, count: int) -> Reading:
    async with trio.open_nursery() as nursery:
        for _ in range(warm):
            await nursery.start(_member, port)
        gc.collect()
        before = resident()
        for _ in range(count):
            await nursery.start(_member, port)
        gc.collect()
        used = resident() - before
        nursery.cancel_scope.cancel(reason="measured")
    return {"bytes": used / count}


def memory(port: int, warm: int, count: int) -> Reading:
    """Return the memory of each of *count* clients that are opened beside *warm* others, each with a stream that is read."""
    return trio.run(_memory, port, warm, count)
