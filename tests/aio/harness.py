"""A server in a thread of its own, beside tests that run asyncio in this one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import trio

from cometconn import AppSettings, MemoryStore, aio
from cometconn.emulator import Emulator, open_emulator

T = TypeVar("T")
USERS = ("zed-1", "amy-2")
BOUND = 60.0
"""Seconds that no test needs, on the slowest machine."""


class Server:
    """An emulator, and the thread that runs it."""

    def __init__(self, emulator: Emulator, token: trio.lowlevel.TrioToken) -> None:
        self.endpoints = emulator.endpoints
        self.url = emulator.url
        self._emulator = emulator
        self._token = token

    def do(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of the emulator in its thread, and return the result."""
        return trio.from_thread.run_sync(
            lambda: getattr(self._emulator, name)(*args, **options), trio_token=self._token
        )

    def wait_gone(self, uid: str) -> None:
        """Wait until the user has no WebSocket: the server sees a moment later that its client has closed it."""

        async def bounded() -> None:
            with trio.fail_after(BOUND):
                await self._emulator.wait_gone(uid)

        trio.from_thread.run(bounded, trio_token=self._token)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it do nothing at all: no answer, no close, for as long as the block lasts."""
        thaw = threading.Event()
        self._token.run_sync_soon(thaw.wait, BOUND)
        try:
            yield
        finally:
            thaw.set()

    def say(self, text: str) -> None:
        """Let amy-2 send zed-1 a text message."""
        self.do("say", "amy-2", text, receiver="zed-1")


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Run an emulator in a thread, for as long as the block lasts."""
    started = threading.Event()
    server: Server | None = None
    stop = trio.Event()

    async def main() -> None:
        nonlocal server
        async with open_emulator(users=USERS) as emulator:
            server = Server(emulator, trio.lowlevel.current_trio_token())
            started.set()
            await stop.wait()

    thread = threading.Thread(target=trio.run, args=(main,), name="server", daemon=True)
    thread.start()
    assert started.wait(BOUND)
    assert server is not None
    try:
        yield server
    finally:
        trio.from_thread.run_sync(stop.set, trio_token=server._token)
        thread.join(BOUND)


def client(
    server: Server, settings: AppSettings | None = None, **options: Any
) -> AbstractAsyncContextManager[aio.CometChat]:
    """A client of *server* that saves nothing."""
    options = {"store": MemoryStore(), "endpoints": server.endpoints, **options}
    return aio.open_client("APP", settings or AppSettings(), **options)


@contextlib.asynccontextmanager
async def connected(server: Server, uid: str = "zed-1", **options: Any) -> AsyncIterator[aio.CometChat]:
    """A client that is connected."""
    async with client(server, **options) as chat:
        await chat.login(uid=uid, auth_key="KEY")
        await chat.connect()
        yield chat


def run(main: Callable[[], Awaitable[T]], **options: Any) -> T:
    """Run *main* under asyncio; check that it ends in time, and that nothing is left of Trio and of its tasks."""

    async def bounded() -> T:
        async with asyncio.timeout(BOUND):
            result = await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
        assert not in_trio()
        return result

    try:
        return asyncio.run(bounded(), **options)
    finally:
        assert not in_trio()


def in_trio() -> bool:
    """Whether Trio runs in this thread, as a guest or otherwise."""
    try:
        trio.lowlevel.current_statistics()
    except RuntimeError:
        return False
    return True


async def turns(count: int = 5) -> None:
    """Let every other task run."""
    for _ in range(count):
        await asyncio.sleep(0)
