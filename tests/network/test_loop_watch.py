"""The time in which the event loop was blocked is measured, and no store or server is blamed for it."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
import cometconn.aio
from cometconn import AppSettings, CometChat, MemoryStore, Timing
from cometconn._network import loop_watch as module
from cometconn._network.loop_watch import blocked_time, blocked_words, excused, loop_watch
from cometconn.errors import ApiError, ConnectError, StoreError
from cometconn.stores import SavedSession
from cometconn.testing import MemoryServer, open_memory_server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MockClock:
    """Trio's clock and that of the watch, which runs as the real one does. To jump is to block the loop."""
    clock = MockClock(rate=1.0)
    monkeypatch.setattr(module, "perf_counter", clock.current_time)
    return clock


async def test_blocks_are_counted(clock: MockClock) -> None:
    """A block is counted as soon as it goes on, once, and only inside the outermost `with`."""
    clock.jump(5)
    assert blocked_time() == 0
    with loop_watch(), loop_watch():
        before = blocked_time()
        clock.jump(5)
        assert blocked_time() == pytest.approx(5, abs=0.5)
        await trio.sleep(0.5)
        with loop_watch():
            pass
        clock.jump(2)
        await trio.lowlevel.checkpoint()
        assert blocked_time() - before == pytest.approx(7, abs=0.9)
        assert blocked_words(before).startswith(" (the event loop was blocked for 7.")
        assert blocked_words(blocked_time()) == ""
    clock.jump(5)
    await trio.lowlevel.checkpoint()
    assert blocked_time() == pytest.approx(7, abs=0.9)


async def test_the_clock_of_a_test_is_not_blocked(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes at once is not counted, nor is how slowly the machine runs the test."""
    with loop_watch():
        await trio.sleep(1000)
        autojump_clock.jump(1000)
        await trio.lowlevel.checkpoint()
        assert blocked_time() == 0
        monkeypatch.setattr(module, "perf_counter", functools.partial(next, itertools.count(1e6, 5.0)))
        await trio.sleep(1000)
        assert blocked_time() == 0


async def test_a_deadline_moves_by_what_the_scope_has_missed(clock: MockClock) -> None:
    """A block before the scope was entered does not count for it, and one after it has been left does not, either."""
    with loop_watch():
        clock.jump(100)
        scope = trio.CancelScope(deadline=trio.current_time() + 20)
        begun = scope.deadline
        with scope, excused(scope):
            clock.jump(5)
            await trio.lowlevel.checkpoint()
            assert scope.deadline - begun == pytest.approx(5, abs=0.9)
            for moved in (1, 0):  # a deadline that is near moves to 1 s from now, but only once
                scope.deadline = trio.current_time() + 0.15
                clock.jump(0.15)
                await trio.lowlevel.checkpoint()
                assert (scope.deadline - trio.current_time() > 0.5) == moved
            await trio.sleep_forever()
        assert scope.cancelled_caught
        ended = scope.deadline
        clock.jump(5)
        await trio.lowlevel.checkpoint()
        assert scope.deadline == ended


class Blocked:
    """A store and an environment whose calls take a few passes of the loop. During the first one named `at` the loop is blocked."""

    def __init__(self, clock: MockClock, server: MemoryServer, at: str, seconds: float, *, hangs: bool) -> None:
        self.memory = MemoryStore()
        self.server = server
        self.block: Callable[[], object] = functools.partial(clock.jump, seconds)
        self.at = at
        self.hangs = hangs
        self.fails = False
        self.calls: list[str] = []
        self.boot_time, self.random = server.boot_time, server.random

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name not in {"load", "save", "forget", "load_position", "save_position", "aclose", "dial", "request"}:
            raise AttributeError(name)

        async def call(*args: Any, **options: Any) -> Any:
            await trio.lowlevel.checkpoint()
            self.calls.append(name)
            if name == self.at:
                block, self.block = self.block, lambda: None
                block()
                if self.hangs:
                    await trio.sleep_forever()
                if self.fails:
                    self.at = ""
                    raise OSError
            await trio.lowlevel.checkpoint()
            return await getattr(self.server if name in {"dial", "request"} else self.memory, name)(*args, **options)

        return call


@asynccontextmanager
async def open_blocked(
    clock: MockClock, at: str, seconds: float, *, request_timeout: float = 2.0, hangs: bool = False
) -> AsyncGenerator[tuple[CometChat, Blocked]]:
    """Open a client; the first call *at* of the outside world finds the loop blocked for so many seconds, and then may hang."""
    async with open_memory_server() as server:
        blocked = Blocked(clock, server, at, seconds, hangs=hangs)
        timing = Timing(connect_timeout=5, request_timeout=request_timeout, close_timeout=2)
        async with cometconn.open_client(
            "APP", AppSettings(timing=timing), store=blocked, endpoints=server.endpoints, environment=blocked
        ) as chat:
            yield chat, blocked


@pytest.mark.parametrize("at", ["load", "load_position", "save", "request", "save_position", "forget", "aclose"])
async def test_a_block_is_not_the_fault_of_others(at: str, clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A block that is longer than the limit of a call fails neither a store's call nor a request, also while leaving."""
    async with open_blocked(clock, at, 5) as (chat, blocked), chat.events():
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        while await blocked.memory.load_position() is None:
            await trio.sleep(0.01)
        if at == "forget":
            await chat.logout()
    assert caplog.records == []
    saved = await blocked.memory.load("APP")
    assert saved.uid == (None if at == "forget" else "zed-1")
    assert (await blocked.memory.load_position() is None) == (at == "forget")


async def test_the_calls_after_a_blocked_one_have_their_time(
    clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls that share a limit: those of the login of another user, and those of leaving."""
    block = functools.partial(clock.jump, 5.0)
    async with open_blocked(clock, "forget", 5) as (chat, blocked):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.login(uid="amy-2", auth_key="KEY")
        await chat.connect()
        blocked.at, blocked.block = "save_position", block
    assert blocked.calls[-2:] == ["save_position", "aclose"]
    assert (await blocked.memory.load("APP")).uid == "amy-2"
    assert caplog.records == []


async def test_a_save_that_fails_after_a_block_is_undone(clock: MockClock) -> None:
    """Within the rest of the time that the login has for its store."""
    async with open_blocked(clock, "save", 5) as (chat, blocked):
        blocked.fails = True
        with pytest.raises(StoreError, match="OSError"):
            await chat.login(uid="zed-1", auth_key="KEY")
        assert blocked.calls[-2:] == ["save", "save"]


async def test_what_hangs_is_still_at_fault(clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the block a call has the rest of its time, and then it is cancelled."""
    monkeypatch.setattr(module, "_GRACE", 0.1)
    before = trio.current_time()
    with pytest.raises(StoreError, match="did not answer in time"):
        async with open_blocked(clock, "load", 50, request_timeout=0.2, hangs=True):
            pass
    async with open_blocked(clock, "request", 50, request_timeout=0.2, hangs=True) as (chat, _):
        with pytest.raises(ApiError, match=r"not answered within request_timeout, 0\.2 s"):
            await chat.login(uid="zed-1", auth_key="KEY")
    assert 100 < trio.current_time() - before < 110


async def test_an_attempt_that_was_held_up_says_so(clock: MockClock) -> None:
    """`connect_timeout` is a bound whatever happens; the error tells how much of it the loop was blocked."""
    async with open_blocked(clock, "dial", 6) as (chat, blocked):
        await chat.login(uid="zed-1", auth_key="KEY")
        with pytest.raises(
            ConnectError, match=r"took longer than connect_timeout, 5 s \(.* blocked for 6\.\d s of it\)"
        ):
            await chat.connect()
        blocked.at = ""
        await chat.connect()


@pytest.fixture
def held_up_store() -> Any:
    """A store for asyncio that takes a moment, in which another task of the program blocks the loop."""

    class Store:
        saved: SavedSession | None = None

        async def load(self, app_id: str) -> SavedSession:
            block = asyncio.get_running_loop().create_task(self._block())
            await asyncio.sleep(0.01)
            await block
            return SavedSession.new(app_id)

        async def save(self, saved: SavedSession) -> None:
            self.saved = saved

        async def forget(self) -> None:
            self.saved = None

        async def _block(self) -> None:
            time.sleep(0.4)  # noqa: ASYNC251 - what is tested

    return Store()


def test_a_block_by_an_asyncio_task(held_up_store: Any) -> None:
    """The loop of asyncio is watched in the same way."""

    async def main() -> None:
        timing = Timing(request_timeout=0.2)
        settings = AppSettings(auto_establish_socket_connection=False, timing=timing)
        endpoints = cometconn.Endpoints.at("http://127.0.0.1:9")
        async with cometconn.aio.open_client("APP", settings, store=held_up_store, endpoints=endpoints) as chat:
            assert chat.get_logged_in_user() is None

    asyncio.run(main())
