"""The block of a client: its exceptions, cancels while it is entered and left, other tasks, and a failure from inside."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio

from cometconn import AppSettings, Connected, Disconnected, MemoryStore, Reason, Timing
from cometconn.aio.emulator import open_emulator
from cometconn.errors import SettingsError, StoreError

from .harness import Server, client, connected, in_trio, run, turns


@pytest.mark.parametrize("error", [LookupError("mine"), ExceptionGroup("mine", [LookupError()]), KeyboardInterrupt()])
def test_the_exception_of_a_block_is_the_same_object(server: Server, error: BaseException) -> None:
    """It comes out in no group, with the traceback that it had, without a line of Trio."""
    caught: list[BaseException] = []

    async def main() -> None:
        try:
            async with client(server):
                raise error
        except BaseException as same:
            caught.append(same)

    run(main)
    assert caught == [error]
    assert error.__context__ is None
    files = []
    traceback = error.__traceback__
    while traceback is not None:
        files.append(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
    assert not [file for file in files if "trio" in file or "cometconn/aio" in file]


def test_what_cannot_be_opened(server: Server) -> None:
    """The errors of entering are those of `cometconn.open_client()`, and no guest stays."""

    async def main() -> None:
        with pytest.raises(SettingsError):
            async with client(server, headers={"appId": "x"}):
                raise AssertionError
        assert not in_trio()
        store = MemoryStore()
        async with client(server, store=store):
            with pytest.raises(StoreError):
                async with client(server, store=store):
                    raise AssertionError
            assert in_trio()

    run(main)


def test_a_block_is_entered_once(server: Server) -> None:
    """Entering it a second time is an error that names the remedy."""

    async def main() -> None:
        block = client(server)
        async with block:
            pass
        with pytest.raises(RuntimeError, match=r"was entered before: call open_client\(\) again"):
            async with block:
                raise AssertionError

    run(main)


USES: dict[str, Callable[[Any], object]] = {
    "instead of `with`": lambda block: block.__enter__(),
    "is not awaited": lambda block: block.__await__(),
    "instead of `for`": iter,
    "around `async for`": aiter,
    "around `anext()`": anext,
    "which has no 'close'": lambda block: block.close(),
}


@pytest.mark.parametrize("use", USES)
def test_any_use_but_async_with(server: Server, use: str) -> None:
    """Each is an error that shows the right line, whether a loop runs or not; nothing was started."""
    kind = AttributeError if "has no" in use else TypeError
    line = r"write `async with open_client\(\.\.\.\) as chat:`, and use `chat` inside"

    async def main() -> None:
        with pytest.raises(kind, match=f"{re.escape(use)}: {line}"):
            USES[use](client(server))
        with pytest.raises(kind, match=r"write `async with open_emulator\(\.\.\.\) as server:`"):
            USES[use](open_emulator())
        assert not in_trio()
        async with client(server) as chat:
            for call, name in ((chat.events, "events"), (chat.statuses, "statuses")):
                with pytest.raises(kind, match=rf"write `async with chat\.{name}\(\.\.\.\) as {name}:`, and "):
                    USES[use](call())

    run(main)
    with pytest.raises(kind, match=line):
        USES[use](client(server))


@pytest.mark.parametrize("steps", [*range(8), 12, 20, 40])
def test_a_cancel_while_it_is_entered(server: Server, steps: int) -> None:
    """At each turn of the loop: the task ends cancelled, and nothing is left."""

    async def main() -> None:
        async def work() -> None:
            async with client(server):
                await asyncio.sleep(30)

        task = asyncio.create_task(work())
        await turns(steps)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not in_trio()

    run(main)


@pytest.mark.parametrize("how", ["anyio", "again and again", "timeout"])
def test_leaving_is_bounded_however_often_it_is_cancelled(server: Server, how: str) -> None:
    """The server does not answer the close frame: the socket is cut after `close_timeout`."""
    timing = Timing(close_timeout=0.3)

    async def main() -> float:
        left = 0.0

        async def work(cancel: Callable[[], object]) -> None:
            nonlocal left
            async with connected(server, settings=AppSettings(timing=timing)):
                frozen.enter_context(server.frozen())
                left = time.monotonic()
                asyncio.get_running_loop().call_soon(cancel)
                await asyncio.sleep(30)

        with contextlib.ExitStack() as frozen:
            if how == "anyio":
                with anyio.CancelScope() as scope:
                    await work(scope.cancel)
                assert scope.cancelled_caught
            elif how == "timeout":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(None) as timeout:
                        await work(lambda: timeout.reschedule(0))
            else:
                task = asyncio.create_task(work(lambda: None))
                while not task.done():
                    if left:
                        task.cancel()
                    await asyncio.sleep(0.002)
                assert task.cancelled()
            return time.monotonic() - left

    assert 0.2 < run(main) < 25


def test_another_task_leaves_it(server: Server) -> None:
    """As the fixtures of a test framework do: the task that has entered the block has ended by then."""

    async def main() -> None:
        block = client(server)
        chat = await asyncio.create_task(block.__aenter__())
        gc.collect()
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        await asyncio.create_task(_leave(block))
        assert chat.status.reason is Reason.CLIENT_CLOSED  # type: ignore[union-attr]

    run(main)


async def _leave(block: Any) -> None:
    await block.__aexit__(None, None, None)


def test_a_failure_from_inside_cancels_the_owner(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that is in the block is cancelled, gets the failure when it leaves, and is not cancelled any more."""

    async def fail(_: object) -> None:
        await trio.sleep(0.05)
        raise LookupError

    monkeypatch.setattr("cometconn._connection.supervisor.Supervisor.run", fail)

    async def main() -> None:
        ended: list[type] = []
        with pytest.raises(LookupError):
            async with client(server):
                try:
                    await asyncio.sleep(5)
                except BaseException as error:
                    ended.append(type(error))
                    raise
        assert ended == [asyncio.CancelledError]
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        await asyncio.sleep(0)

    run(main)


def test_a_crash_of_trio_ends_everything(server: Server) -> None:
    """Calls, readers and the block end with Trio's error: nothing waits for ever."""

    async def main() -> None:
        calls: list[Any] = []
        with pytest.raises(trio.TrioInternalError):
            async with connected(server) as chat, chat.events() as events:
                calls.append(asyncio.create_task(events.batch()))
                calls.append(asyncio.create_task(chat._run(trio.sleep_forever)))
                await turns()

                async def crash() -> None:
                    raise LookupError

                trio.lowlevel.spawn_system_task(crash)
                await asyncio.sleep(30)
        read, call = await asyncio.gather(*calls, return_exceptions=True)
        assert read == []
        assert isinstance(call, trio.TrioInternalError)

    run(main)


def test_a_timeout_round_a_whole_client(server: Server) -> None:
    """`asyncio.timeout()` ends a client that reads, and the next one works."""

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), connected(server) as chat, chat.events() as events:
                    async for _ in events:
                        pass

    run(main)


def test_leaving_in_a_cancelled_scope(server: Server) -> None:
    """A block that is left inside of an anyio scope that is cancelled already closes its socket all the same."""

    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with connected(server) as chat:
                assert isinstance(chat.status, Connected)
                scope.cancel()
        assert isinstance(chat.status, Disconnected)
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with client(server):
                raise AssertionError

    run(main)
    server.wait_gone("zed-1")
