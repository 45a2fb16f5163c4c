"""Runs asyncio code and its Trio guest in virtual time.

Trio's own autojump cannot be used: it would jump while asyncio has work to do. Here a task of the guest jumps to the next
deadline of either library, when both are idle.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

import outcome
import trio
import trio.testing

import cometconn.aio
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.testing import MemoryServer, open_memory_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

__all__ = ["VirtualLoop", "enter_in_trio", "run_in_trio", "run_virtual", "virtual_server"]

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with the clock of its guest, so that both have one order of deadlines."""

    def __init__(self) -> None:
        self.clock = trio.testing.MockClock()
        self._settled: list[Callable[[], object]] = []
        super().__init__()

    def time(self) -> float:
        return self.clock.current_time()

    def settle(self) -> asyncio.Future[None]:
        """Wait, in asyncio, until asyncio and Trio are both idle, while no time passes."""
        settled: asyncio.Future[None] = self.create_future()
        self._settled.append(lambda: settled.done() or settled.set_result(None))
        return settled

    async def settle_trio(self) -> None:
        """Wait, in Trio, for the same."""
        settled = trio.Event()
        self._settled.append(settled.set)
        await settled.wait()

    async def let_time_pass(self) -> None:
        """Jump to the next deadline whenever both are idle. What waits for that moment runs first. A task of the guest."""
        while True:
            await trio.testing.wait_all_tasks_blocked()
            if self._ready:  # type: ignore[attr-defined]
                continue  # asyncio runs it before Trio runs again
            if self._settled:
                settled, self._settled = self._settled, []
                for wake_up in settled:
                    wake_up()
                continue
            now = trio.current_time()
            timers = (timer.when() for timer in self._scheduled if not timer.cancelled())  # type: ignore[attr-defined]
            due = min(now + trio.lowlevel.current_statistics().seconds_to_next_deadline, *timers, math.inf)
            assert due < math.inf, "everything waits for what cannot come"
            self.clock.jump(max(0.0, due - now))


def run_virtual(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run an asyncio function, and the clients that it opens, in virtual time."""
    loop = VirtualLoop()
    start = trio.lowlevel.start_guest_run

    def start_in_virtual_time(*args: Any, **options: Any) -> None:
        start(*args, **{**options, "clock": loop.clock})

    try:
        with mock.patch.object(trio.lowlevel, "start_guest_run", start_in_virtual_time):
            return loop.run_until_complete(_run(loop, main))
    finally:
        loop.close()


async def _run(loop: VirtualLoop, main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    manual = AppSettings(auto_establish_socket_connection=False)
    # A client that does nothing keeps the guest alive between the clients of *main*.
    async with cometconn.aio.open_client(
        "IDLE", manual, store=MemoryStore(), endpoints=Endpoints.at("http://127.0.0.1:9")
    ):
        clock = asyncio.ensure_future(run_in_trio(loop.let_time_pass))
        work = asyncio.ensure_future(main(loop))
        await asyncio.wait({clock, work}, return_when=asyncio.FIRST_COMPLETED)
        for task in (clock, work):
            if not task.done():
                task.cancel()
        await asyncio.wait({clock, work})
        if not clock.cancelled():
            clock.result()  # raises
        return work.result()


async def run_in_trio(work: Callable[[], Awaitable[T]]) -> T:
    """Run *work* in the running guest. A cancel of the asyncio task cancels it, and its end is waited for.

    It stands beside the bridge of `cometconn.aio`, so that the tests do not depend on what they test.
    """
    done: asyncio.Future[outcome.Outcome[T]] = asyncio.get_running_loop().create_future()
    scope = trio.CancelScope()

    async def report() -> None:
        result: outcome.Outcome[T] = outcome.Error(asyncio.CancelledError())
        with scope:
            try:
                result = outcome.Value(await work())
            except trio.Cancelled:
                raise
            except BaseException as error:
                result = outcome.Error(error)
        done.set_result(result)

    trio.lowlevel.spawn_system_task(report)
    while True:
        try:
            return (await asyncio.shield(done)).unwrap()
        except asyncio.CancelledError:
            if done.done():
                raise
            scope.cancel(reason="the asyncio task was cancelled")


@asynccontextmanager
async def enter_in_trio(manager: AbstractAsyncContextManager[T]) -> AsyncGenerator[T, None]:
    """Hold a context manager of Trio open in the guest, for the duration of a block in asyncio."""
    entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    leave = trio.Event()

    async def hold() -> None:
        async with manager as value:
            entered.set_result(value)
            await leave.wait()

    holding = asyncio.ensure_future(run_in_trio(hold))
    await asyncio.wait({entered, holding}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await entered if entered.done() else await holding  # type: ignore[misc]
    finally:
        leave.set()
        await holding


def virtual_server() -> AbstractAsyncContextManager[MemoryServer]:
    """Open a server in memory, in the guest. For asyncio."""
    return enter_in_trio(open_memory_server(users=("zed-1", "amy-2", "bob-3")))
