"""What `cometconn.aio` promises, each by name, over real sockets to the emulator in another thread."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from unittest import mock

import pytest
import trio

import cometconn.aio
from cometconn import AppSettings, AppState, Connected, Connecting, Disconnected, MemoryStore, Reason
from cometconn.emulator import Kind
from cometconn.environment import Request, Response, SystemEnvironment
from cometconn.errors import CometConnError
from cometconn.events import TextMessage

from .beside import Beside, emulator_beside, run_clean

MANUAL = AppSettings(auto_establish_socket_connection=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Beside]:
    """One server for all tests; each leaves it as it was."""
    with emulator_beside() as beside:
        yield beside
        assert not beside.log(Kind.IGNORED), "every frame came whole"


@asynccontextmanager
async def connected(
    server: Beside, settings: AppSettings = MANUAL, **options: Any
) -> AsyncIterator[cometconn.aio.CometChat]:
    """A client that is logged in and connected."""
    async with cometconn.aio.open_client(
        "APP", settings, store=MemoryStore(), endpoints=server.endpoints, **options
    ) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        yield chat


async def texts(events: Any, count: int) -> list[str]:
    """Read so many messages."""
    return [(await anext(events)).text for _ in range(count)]


# The loops in which the client runs.


def _eager_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.SelectorEventLoop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    return loop


def _debugged_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.SelectorEventLoop()
    loop.set_debug(True)
    return loop


def _uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


LOOPS = {"asyncio": asyncio.SelectorEventLoop, "debug": _debugged_loop, "eager": _eager_loop, "uvloop": _uvloop}


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Each kind of loop that is there."""
    if request.param == "eager" and sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")
    if request.param == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    return LOOPS[request.param]


def test_a_day_in_every_kind_of_loop(server: Beside, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Login, messages both ways, background, a timeout, a failed task beside it: and nothing is left behind."""

    async def main() -> None:
        async with connected(server) as chat, chat.events(TextMessage) as events, chat.statuses() as statuses:
            assert isinstance((await anext(statuses)).current, Connected)
            server.say("one", "two")
            assert await texts(events, 2) == ["one", "two"]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(events)
            sent = await chat.send_text("amy-2", "hello")
            assert isinstance(sent, TextMessage)
            assert await chat.ping() > 0
            await chat.start_typing("amy-2")
            with pytest.raises(ExceptionGroup) as failed:
                async with asyncio.TaskGroup() as group:
                    group.create_task(chat.keep_alive())
                    group.create_task(_fail())
            assert [type(error) for error in failed.value.exceptions] == [LookupError]
            await chat.disconnect()
            assert isinstance((await anext(statuses)).current, Disconnected)
            await asyncio.gather(chat.connect(), chat.connect(), chat.connect())
            await chat.logout()

    run_clean(main, loop_factory=loop_factory, server=server)


async def _fail() -> None:
    await asyncio.sleep(0)
    raise LookupError("a task beside")


# 1


def test_one_guest_a_loop_gone_with_the_last_client(server: Beside) -> None:
    """Any number of clients share it, also if they are opened at the same moment, and the next client has a new one."""

    async def main() -> None:
        for _ in range(2):
            go = asyncio.Event()

            async def life(until: asyncio.Event) -> None:
                async with connected(server):
                    await until.wait()

            first, *others = [asyncio.ensure_future(life(until)) for until in (asyncio.Event(), go, go)]
            while server.connections() < 3:
                await asyncio.sleep(0.001)
            first.cancel()
            await asyncio.wait({first})
            assert trio.lowlevel.in_trio_run(), "others still need it"
            go.set()
            await asyncio.gather(*others)
            assert not trio.lowlevel.in_trio_run(), "the last one has ended it"

    with mock.patch.object(trio.lowlevel, "start_guest_run", wraps=trio.lowlevel.start_guest_run) as start:
        run_clean(main, server=server)
    assert start.call_count == 2


def test_two_loops_one_after_the_other_and_in_two_threads(server: Beside) -> None:
    """Each has a guest of its own."""
    seen: list[str] = []

    def a_loop(name: str) -> None:
        async def main() -> None:
            async with connected(server) as chat, chat.events(TextMessage) as events:
                barrier.wait(20)
                if name == "first":
                    server.say("to all")
                seen.extend(await texts(events, 1))

        asyncio.run(main())

    barrier = threading.Barrier(1)
    for _ in range(2):
        a_loop("first")
    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=a_loop, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == ["to all"] * 4


# 2


def test_sync_members_act_at_once_on_the_loops_thread(server: Beside) -> None:
    """When the call returns, `status` is the new one, without a turn of the loop; and so is what a call does at once."""

    async def main() -> None:
        async with connected(server, AppSettings()) as chat:
            chat.enter_background()
            assert chat.app_state is AppState.BACKGROUND
            status = chat.status
            assert isinstance(status, Disconnected)
            assert status.reason is Reason.IN_BACKGROUND
            assert abs(status.at - asyncio.get_running_loop().time()) < 1, "on the loop's clock"
            chat.enter_foreground()
            assert isinstance(chat.status, Connecting)
            await chat.connect()
            pinging = chat.ping()  # a coroutine; nothing happens before it is awaited
            leaving = asyncio.ensure_future(chat.disconnect())
            await asyncio.sleep(0)
            assert isinstance(chat.status, Disconnected), "one turn, in which the task has begun"
            await leaving
            with pytest.raises(CometConnError):
                await pinging

    run_clean(main, server=server)


# 3


def test_cancelling_the_task_cancels_the_call(server: Beside) -> None:
    """`CancelledError` comes when Trio has cleaned up, and is never swallowed, also if the call completes meanwhile."""

    async def main() -> None:
        async with cometconn.aio.open_client("APP", MANUAL, store=MemoryStore(), endpoints=server.endpoints) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            server.set(upgrade="hang")
            connecting = asyncio.ensure_future(chat.connect())
            while not server.devices():
                await asyncio.sleep(0.001)
            assert isinstance(chat.status, Connecting)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            assert isinstance(chat.status, Disconnected), "cleaned up before"
            assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]
            server.heal()
            await chat.connect()
            chance, swallowed = random.Random(3), 0
            for _ in range(200):
                task = asyncio.ensure_future(chat.ping())
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                accepted = task.cancel()
                await asyncio.wait({task})
                swallowed += accepted and not task.cancelled()
            assert swallowed == 0
            assert await chat.ping() > 0

    run_clean(main, server=server)


# 4


def test_no_timeout_round_anext_takes_a_message(server: Beside) -> None:
    """With hundreds of timeouts at random moments no message is lost, doubled or out of order."""
    wanted = [str(number) for number in range(600)]
    timeouts = 0

    async def main() -> None:
        nonlocal timeouts
        chance = random.Random(4)
        async with connected(server) as chat, chat.events(TextMessage) as events:
            speaking = asyncio.ensure_future(asyncio.to_thread(_say_in_pieces, server, wanted, chance.random()))
            got: list[str] = []
            while len(got) < len(wanted):
                try:
                    async with asyncio.timeout(chance.choice((0.0, 0.0001, 0.0005, 0.002))):
                        while True:
                            got.append((await anext(events)).text)
                except TimeoutError:
                    timeouts += 1
            assert got == wanted
            await speaking

    run_clean(main, server=server)
    assert timeouts > 50


def _say_in_pieces(server: Beside, all_texts: list[str], seed: float) -> None:
    chance, at = random.Random(seed), 0
    while at < len(all_texts):
        size = chance.choice((1, 1, 2, 5, 20))
        server.say(*all_texts[at : at + size])
        at += size


def test_each_message_goes_to_one_of_several_readers_that_are_cancelled(server: Beside) -> None:
    """Readers are cancelled at random moments and replaced: each message is read once, and each reader gets its own in order."""
    wanted = [str(number) for number in range(600)]

    async def main() -> None:
        chance = random.Random(5)
        got: list[list[int]] = []

        async def read(events: Any) -> None:
            mine: list[int] = []
            got.append(mine)
            while True:
                mine.append(int((await anext(events)).text))

        async with connected(server) as chat, chat.events(TextMessage) as events:
            speaking = asyncio.ensure_future(asyncio.to_thread(_say_in_pieces, server, wanted, 0.5))
            readers = [asyncio.ensure_future(read(events)) for _ in range(3)]
            cancels = 0
            while sum(map(len, got)) < len(wanted):
                for _ in range(chance.randrange(5)):
                    await asyncio.sleep(0)
                victim = chance.randrange(3)
                readers[victim].cancel()
                cancels += 1
                if chance.random() < 0.5:
                    await asyncio.wait({readers[victim]})
                    assert readers[victim].cancelled()
                readers[victim] = asyncio.ensure_future(read(events))
            for reader in readers:
                reader.cancel()
            await asyncio.wait(readers)
            await speaking
        assert cancels > 100
        assert sorted(number for mine in got for number in mine) == list(range(len(wanted)))
        assert all(mine == sorted(mine) for mine in got)

    run_clean(main, server=server)


# 5


@pytest.mark.parametrize("where", ["client", "events", "statuses"])
@pytest.mark.parametrize("kind", [LookupError, KeyboardInterrupt, GeneratorExit, ExceptionGroup])
def test_the_blocks_exception_comes_out_as_the_same_object(server: Beside, where: str, kind: type) -> None:
    """No group of ours is round it, and no context of ours behind it."""
    error = ExceptionGroup("the program's own", [LookupError()]) if kind is ExceptionGroup else kind("mine")

    async def main() -> None:
        async with cometconn.aio.open_client("APP", MANUAL, store=MemoryStore(), endpoints=server.endpoints) as chat:
            if where == "client":
                raise error
            async with getattr(chat, where)():
                raise error

    async def caught() -> None:
        try:
            await main()
        except BaseException as raised:
            assert raised is error
            assert raised.__context__ is None
            assert raised.__cause__ is None
        else:
            raise AssertionError("nothing was raised")

    run_clean(caught, server=server)


# 6


def test_a_client_is_left_within_its_bound(server: Beside) -> None:
    """A timeout round the whole client, whose server does not answer the close frame, takes close_timeout more at most."""
    quick = AppSettings(timing=cometconn.Timing(close_timeout=0.2))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as timeout, connected(server, quick):
                server.drop("zed-1", "silent")
                began = loop.time()
                timeout.reschedule(began + 0.05)
                await asyncio.Event().wait()
        assert loop.time() - began < 2
        assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]

    run_clean(main, server=server)


# 7


def test_calls_take_effect_in_the_order_in_which_they_were_made(server: Beside) -> None:
    """Whatever order Trio starts its tasks in: of connect() and disconnect() the last one counts."""

    async def main() -> None:
        async with connected(server) as chat:
            for _ in range(20):
                calls: list[Callable[[], Awaitable[None]]] = [chat.disconnect, chat.connect, chat.disconnect]
                await asyncio.gather(*(call() for call in calls), return_exceptions=True)
                assert isinstance(chat.status, Disconnected)
                calls = [chat.connect, chat.disconnect, chat.connect]
                await asyncio.gather(*(call() for call in calls), return_exceptions=True)
                assert isinstance(chat.status, Connected)

    run_clean(main, server=server)


# 8: test_programs.py


# 9


def test_a_call_sees_the_context_of_its_task(server: Beside) -> None:
    """The `contextvars` of the calling task are seen in the request, and each task has its own."""
    who = contextvars.ContextVar("who", default="nothing")
    seen: list[str] = []

    class Seeing(SystemEnvironment):
        async def request(self, request: Request) -> Response:
            if request.url.endswith("/messages"):
                seen.append(who.get())
            return await super().request(request)

    async def main() -> None:
        async with connected(server, environment=Seeing(proxy="")) as chat:

            async def send(name: str) -> None:
                who.set(name)
                await chat.send_text("amy-2", name)

            await asyncio.gather(*(send(name) for name in ("a", "b", "c")))

    run_clean(main, server=server)
    assert sorted(seen) == ["a", "b", "c"]


# 10


def test_entering_and_leaving_may_be_in_different_tasks(server: Beside) -> None:
    """As the fixtures of test frameworks do it, for the client and for a stream, and calls come from a third task."""

    async def main() -> None:
        block = connected(server)
        chat = await asyncio.ensure_future(block.__aenter__())
        stream = chat.events(TextMessage)
        events = await asyncio.ensure_future(stream.__aenter__())
        server.say("hello")
        assert await asyncio.ensure_future(texts(events, 1)) == ["hello"]
        await asyncio.ensure_future(stream.__aexit__(None, None, None))
        await asyncio.ensure_future(block.__aexit__(None, None, None))

    run_clean(main, server=server)


# anyio, on its asyncio backend.


def test_under_anyio(server: Beside) -> None:
    """Its scopes cancel calls and reads, also again and again, and a client is left inside of a cancelled scope."""
    anyio = pytest.importorskip("anyio")

    async def main() -> None:
        async with connected(server) as chat, chat.events(TextMessage) as events:
            with anyio.move_on_after(0.01) as scope:
                await anext(events)
            assert scope.cancelled_caught
            server.say("hello")
            with anyio.fail_after(5):
                assert await texts(events, 1) == ["hello"]
            async with anyio.create_task_group() as group:
                group.start_soon(chat.keep_alive)
                await anyio.sleep(0.01)
                group.cancel_scope.cancel()
            assert await chat.ping() > 0
        with anyio.CancelScope() as scope:
            async with connected(server):
                scope.cancel()
                await anyio.sleep(0)
        assert scope.cancelled_caught

    run_clean(main, server=server)


def test_an_end_of_the_loop_that_cancels_everything(server: Beside) -> None:
    """`asyncio.run()` whose main function ends while tasks own clients: each is left in order."""

    async def main() -> None:
        async def life() -> None:
            async with connected(server) as chat:
                ready.set()
                await chat.keep_alive()

        ready = asyncio.Event()
        lives.append(asyncio.ensure_future(life()))
        await ready.wait()

    lives: list[asyncio.Future[None]] = []
    codes_before = len(server.log(Kind.CLOSE_IN))
    asyncio.run(main())
    with suppress(asyncio.CancelledError):
        lives.pop().result()
    assert [entry.detail["code"] for entry in server.log(Kind.CLOSE_IN)[codes_before:]] == [1000]
    assert not trio.lowlevel.in_trio_run()
