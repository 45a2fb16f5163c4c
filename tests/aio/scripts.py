"""Runs a script of lifecycle events with the client of `cometconn.aio`, in virtual time.

The script and the memory server belong to Trio. Each call of the script goes from Trio to an asyncio task, from there
through `cometconn.aio` back to Trio, and a cancel takes the same way.
"""

from __future__ import annotations

import functools
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import trio

import cometconn.aio
from cometconn import AppSettings
from cometconn.testing import open_memory_server
from cometconn.testing.script_runner import ScriptRunner

from .virtual_time import VirtualLoop, run_in_trio, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from cometconn.testing.actions import Script
    from cometconn.testing.script_report import Transcript

__all__ = ["play"]

T = TypeVar("T")


def play(script: Script, settings: AppSettings | None = None) -> Transcript:
    """Run a script through asyncio, from synchronous code. See `cometconn.testing.scripts.play()`."""

    async def main(loop: VirtualLoop) -> Transcript:
        return await run_in_trio(functools.partial(_run, loop, script, settings or AppSettings()))

    return run_virtual(main)


async def _run(loop: VirtualLoop, script: Script, settings: AppSettings) -> Transcript:
    async with (
        open_memory_server(users=("zed-1", "amy-2", "bob-3")) as server,
        trio.open_nursery() as nursery,
    ):
        open_client = functools.partial(_open_client, loop)
        runner = ScriptRunner(server, settings, None, nursery, open_client=open_client, settle=loop.settle_trio)
        await runner.run(script)
    return runner.transcript()


async def _in_asyncio(loop: VirtualLoop, call: Callable[[], Awaitable[T]]) -> T:
    """Await *call* in an asyncio task of its own, from Trio. A cancel cancels that task, and waits for its end."""
    waiting = trio.lowlevel.current_task()

    async def run() -> T:
        return await call()

    task = loop.create_task(run())
    task.add_done_callback(lambda _: trio.lowlevel.reschedule(waiting))
    cancelled: list[Callable[[], Any]] = []

    def abort(raise_cancel: Callable[[], Any]) -> trio.lowlevel.Abort:
        cancelled.append(raise_cancel)
        task.cancel()
        return trio.lowlevel.Abort.FAILED

    await trio.lowlevel.wait_task_rescheduled(abort)
    if task.cancelled():
        assert cancelled, "an asyncio task gets CancelledError only if it was cancelled itself"
        cancelled[0]()
    return task.result()


@asynccontextmanager
async def _open_client(loop: VirtualLoop, *args: Any, **options: Any) -> AsyncGenerator[Any, None]:
    manager = cometconn.aio.open_client(*args, **options)
    chat = await _in_asyncio(loop, manager.__aenter__)
    try:
        yield _Client(loop, chat)
    finally:
        with trio.CancelScope(shield=True):
            await _in_asyncio(loop, functools.partial(manager.__aexit__, None, None, None))


class _Client:
    """What a script uses of a client."""

    def __init__(self, loop: VirtualLoop, chat: cometconn.aio.CometChat) -> None:
        self._loop = loop
        self._chat = chat

    def __getattr__(self, name: str) -> Any:
        if name in {"login", "logout", "connect", "disconnect", "ping"}:
            return functools.partial(self._await, getattr(self._chat, name))
        return getattr(self._chat, name)

    async def _await(self, method: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        return await _in_asyncio(self._loop, functools.partial(method, **arguments))

    def events(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Any]]:
        return self._read(self._chat.events())

    def statuses(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Any]]:
        return self._read(self._chat.statuses())

    @asynccontextmanager
    async def _read(self, manager: Any) -> AsyncGenerator[trio.MemoryReceiveChannel[Any], None]:
        """Open a stream and read it in one asyncio task, and pass its items on to Trio."""
        send, receive = trio.open_memory_channel[Any](math.inf)
        opened = trio.Event()

        async def read() -> None:
            with send:
                async with manager as items:
                    opened.set()
                    async for item in items:
                        send.send_nowait(item)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_in_asyncio, self._loop, read)
            await opened.wait()
            yield receive
            nursery.cancel_scope.cancel(reason="the stream was left")
