"""The Trio run of an asyncio loop: it begins with the first client and ends with the last, however the loop ends."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
import trio

from cometconn import AppSettings, Disconnected, Reason, aio

from .harness import BOUND, Server, client, connected, in_trio, run, turns


def test_three_clients_share_one_guest(server: Server) -> None:
    """Opened at the same time, while the guest still starts; the last one that is left ends it."""

    async def main() -> None:
        stay = [asyncio.Event() for _ in range(3)]
        guests: set[object] = set()

        async def work(event: asyncio.Event) -> None:
            async with connected(server) as chat:
                guests.add(aio._guest._OF_THREAD.guest)
                await event.wait()
                await chat.ping()

        tasks = [asyncio.create_task(work(event)) for event in stay]
        while len(guests) < 1 or server.do("connections", "zed-1") < 3:
            await asyncio.sleep(0.01)
        for event, task in zip(stay, tasks, strict=True):
            assert in_trio()
            event.set()
            await task
        assert len(guests) == 1
        assert not in_trio()

    run(main)


def test_opening_while_the_last_one_is_left(server: Server) -> None:
    """The new client waits for the end of the old guest, and starts another."""

    async def main() -> None:
        block = client(server)
        await block.__aenter__()
        guest = aio._guest._OF_THREAD.guest
        assert guest is not None
        leaving = asyncio.create_task(_leave(block))
        while not guest.is_ending:
            await asyncio.sleep(0)
        assert not guest.over.happened
        async with connected(server) as chat:
            assert aio._guest._OF_THREAD.guest is not guest
            assert await chat.ping() > 0
        await leaving

    run(main)


async def _leave(block: Any) -> None:
    await block.__aexit__(None, None, None)


def test_two_loops_one_after_the_other_and_in_two_threads(server: Server) -> None:
    """Each has a guest of its own."""

    async def main() -> None:
        async with connected(server) as chat:
            assert await chat.ping() > 0

    run(main)
    run(main)
    errors: list[BaseException] = []

    def in_thread() -> None:
        try:
            run(main)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=in_thread) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
    assert not errors


def test_without_a_loop(server: Server) -> None:
    """Under plain Trio and without any loop, one sentence names what to do."""

    async def main() -> None:
        with pytest.raises(RuntimeError, match=r"Under Trio, use cometconn\.open_client"):
            async with client(server):
                raise AssertionError

    trio.run(main)
    block = client(server)
    with pytest.raises(RuntimeError, match=r"asyncio\.run"):
        block.__aenter__().send(None)


def test_asyncio_inside_of_trio(server: Server) -> None:
    """Trio runs in the thread already."""

    async def main() -> None:
        async def inner() -> None:
            with pytest.raises(RuntimeError, match="Trio runs in this thread already"):
                async with client(server):
                    raise AssertionError

        asyncio.run(inner())

    trio.run(main)


def test_another_loop_of_the_thread_has_a_client(server: Server) -> None:
    """Trio can be the guest of only one of them."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    block = client(server)

    async def refused() -> None:
        with pytest.raises(RuntimeError, match="another asyncio loop"):
            async with client(server):
                raise AssertionError

    try:
        first.run_until_complete(block.__aenter__())
        second.run_until_complete(refused())
        first.run_until_complete(block.__aexit__(None, None, None))
        second.run_until_complete(_open_and_leave(server))
        assert not in_trio()
    finally:
        first.close()
        second.close()


async def _open_and_leave(server: Server) -> None:
    async with client(server):
        pass


def test_the_end_of_the_program_leaves_clients_of_other_tasks(server: Server) -> None:
    """When the main function returns, `asyncio.run()` cancels the task that owns a client, which then leaves it."""
    ended: list[Any] = []

    async def main() -> None:
        started = asyncio.Event()

        async def work() -> None:
            try:
                async with connected(server) as chat:
                    started.set()
                    await asyncio.sleep(30)
            finally:
                await asyncio.sleep(0.01)
                ended.append(chat.status)

        task = asyncio.create_task(work())
        await started.wait()
        assert not task.done()

    asyncio.run(main())
    assert ended[0].reason is Reason.CLIENT_CLOSED
    assert not in_trio()
    server.wait_gone("zed-1")


def test_a_task_that_goes_on_after_its_cancel_keeps_its_client(server: Server) -> None:
    """Its client works until it leaves, although the end of the loop has cancelled everything."""
    pings: list[float] = []

    async def main() -> None:
        started = asyncio.Event()

        async def work() -> None:
            async with connected(server) as chat:
                started.set()
                try:
                    await asyncio.sleep(30)
                finally:
                    pings.append(await chat.ping())
                    await chat.send_text("amy-2", "good bye")

        task = asyncio.create_task(work())
        await started.wait()
        assert not task.done()

    asyncio.run(main())
    assert pings[0] > 0


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_a_forgotten_client_is_closed(server: Server, library: str, caplog: pytest.LogCaptureFixture) -> None:
    """A block that was entered by hand and never left is closed when `asyncio.run()` ends, with a WARNING."""
    factory = asyncio.new_event_loop if library == "asyncio" else uvloop_factory()
    chats: list[aio.CometChat] = []

    async def main() -> None:
        block = client(server)
        blocks.append(block)
        chats.append(await block.__aenter__())
        await chats[0].login(uid="zed-1", auth_key="KEY")
        await chats[0].connect()

    blocks: list[Any] = []
    with caplog.at_level(logging.WARNING), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert not in_trio()
    status = chats[0].status
    assert isinstance(status, Disconnected)
    assert status.reason is Reason.CLIENT_CLOSED
    assert "never left" in caplog.text
    server.wait_gone("zed-1")


def test_every_task_is_cancelled_while_the_loop_goes_on(server: Server) -> None:
    """A program may cancel all of its tasks at any turn, and open a client again."""

    async def main() -> None:
        for steps in (0, 1, 2, 3, 5, 10, 40):
            task = asyncio.create_task(_open_and_stay(server))
            await turns(steps)
            for each in asyncio.all_tasks() - {asyncio.current_task()}:
                each.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert not in_trio()
            await _open_and_leave(server)

    run(main)


async def _open_and_stay(server: Server) -> None:
    async with connected(server):
        await asyncio.sleep(30)


CLOSED = """
import asyncio, sys
from cometconn import AppSettings, MemoryStore, aio

async def enter():
    await aio.open_client("APP", AppSettings(region="us"), store=MemoryStore()).__aenter__()

loop, other = asyncio.new_event_loop(), asyncio.new_event_loop()
loop.run_until_complete(enter())
loop.close()
try:
    other.run_until_complete(enter())
except RuntimeError as error:
    print(error)
"""


def test_a_loop_that_is_closed_with_a_client_open() -> None:
    """This is not promised to work; the next loop of the thread gets a sentence, and the process ends."""
    done = subprocess.run([sys.executable, "-c", CLOSED], capture_output=True, text=True, check=True, timeout=60)
    assert "A client of another asyncio loop is still open in this thread" in done.stdout


def uvloop_factory() -> Any:
    """The loop of uvloop; the test is skipped where it is not installed."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    return uvloop.new_event_loop


@pytest.mark.parametrize("debug", [False, True])
def test_with_uvloop(server: Server, debug: bool) -> None:
    """A client works, reads and ends under uvloop, and its times are those of its loop."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with connected(server) as chat, chat.events() as events:
            server.say("hello")
            assert (await anext(events)).text == "hello"  # type: ignore[attr-defined]
            assert abs(chat.status.at - loop.time()) < 60
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(events)

    with asyncio.Runner(loop_factory=uvloop_factory(), debug=debug) as runner:
        runner.run(main())
    assert not in_trio()


def test_anyio_on_asyncio(server: Server) -> None:
    """`anyio.run()` and its task groups."""
    anyio = pytest.importorskip("anyio", reason="anyio is not installed")

    async def main() -> None:
        async with connected(server) as chat, chat.events() as events, anyio.create_task_group() as group:

            async def read() -> None:
                event = await anext(events)
                assert event.text == "hello"  # type: ignore[attr-defined]
                group.cancel_scope.cancel()

            group.start_soon(chat.keep_alive)
            group.start_soon(read)
            server.say("hello")

    anyio.run(main)
    assert not in_trio()


def test_nothing_is_warned_about_in_debug_mode(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The debug mode of asyncio finds no coroutine that was never awaited, and no call from a wrong thread."""

    async def main() -> None:
        async with connected(server) as chat:
            await chat.ping()

    with caplog.at_level(logging.WARNING, "asyncio"):
        run(main, debug=True)
    assert [record for record in caplog.records if "took" not in record.message] == []


def test_a_file_store_and_its_threads(server: Server, tmp_path: Any) -> None:
    """The default kind of store works, saves the session, and is released in time for the next client."""

    async def main() -> None:
        for _ in range(3):
            async with aio.open_client(
                "APP", AppSettings(), store=tmp_path / "s.json", endpoints=server.endpoints
            ) as chat:
                if chat.get_logged_in_user() is None:
                    await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
        assert chat.get_logged_in_user() is not None

    run(main)
