"""A client of `cometconn.aio` for tests that are written for Trio and run in the guest of an asyncio loop.

Each call goes from Trio to an asyncio task, from there through `cometconn.aio` back to Trio, and a cancel takes the same way.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import trio

import cometconn.aio
from cometconn import AppSettings, Endpoints, MemoryStore

from .virtual_time import run_in_trio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

__all__ = ["open_client", "run_in_guest"]

T = TypeVar("T")


def run_in_guest(main: Callable[[], Awaitable[T]]) -> T:
    """Run an async function of Trio's in the guest of an asyncio loop, in real time."""

    async def run() -> T:
        manual = AppSettings(auto_establish_socket_connection=False)
        # A client that does nothing keeps the guest alive between the clients of *main*.
        async with cometconn.aio.open_client(
            "IDLE", manual, store=MemoryStore(), endpoints=Endpoints.at("http://127.0.0.1:9")
        ):
            return await run_in_trio(main)

    return asyncio.run(run())


async def _in_asyncio(call: Callable[[], Awaitable[T]]) -> T:
    """Await *call* in an asyncio task of its own, from Trio. A cancel cancels that task, and waits for its end."""
    waiting = trio.lowlevel.current_task()

    async def run() -> T:
        return await call()

    task = asyncio.get_running_loop().create_task(run())
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
async def open_client(*args: Any, **options: Any) -> AsyncGenerator[Any, None]:
    """Open a client through asyncio. It takes the arguments of `cometconn.open_client()`."""
    manager = cometconn.aio.open_client(*args, **options)
    chat = await _in_asyncio(manager.__aenter__)
    error: BaseException | None = None
    try:
        yield _Client(chat)
    except trio.Cancelled:
        error = asyncio.CancelledError()
        raise
    except BaseException as raised:
        error = raised
        raise
    finally:
        with trio.CancelScope(shield=True):
            leave = functools.partial(manager.__aexit__, type(error) if error else None, error, None)
            assert not await _in_asyncio(leave)


class _Client:
    """The client, for tasks of Trio's."""

    def __init__(self, chat: cometconn.aio.CometChat) -> None:
        self._chat = chat

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._chat, name)
        return functools.partial(self._await, member) if inspect.iscoroutinefunction(member) else member

    async def _await(self, method: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        return await _in_asyncio(functools.partial(method, *args, **options))

    def events(self, *types: Any, **options: Any) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Any]]:
        return self._read(self._chat.events(*types, **options))

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
            nursery.start_soon(_in_asyncio, read)
            await opened.wait()
            yield receive
            nursery.cancel_scope.cancel(reason="the stream was left")
