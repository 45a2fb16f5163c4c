"""A client in every kind of asyncio loop, and what is left in the process after it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cometconn import AppSettings, Connected, Disconnected
from cometconn.events import TextMessage
from cometconn.testing import assert_no_leaks

from .harness import Server, connected

MANUAL = AppSettings(auto_establish_socket_connection=False)


def _debugged() -> asyncio.AbstractEventLoop:
    loop = asyncio.SelectorEventLoop()
    loop.set_debug(True)
    loop.slow_callback_duration = 60.0
    return loop


def _eager() -> asyncio.AbstractEventLoop:
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")
    loop = asyncio.SelectorEventLoop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def _uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop", reason="uvloop is not installed").new_event_loop()
    return loop


LOOPS = {"asyncio": asyncio.SelectorEventLoop, "debug": _debugged, "eager": _eager, "uvloop": _uvloop}


def run_clean(server: Server, main: Callable[[], Awaitable[object]], loop: asyncio.AbstractEventLoop) -> None:
    """Run *main* in *loop*, and check that no descriptor, connection, object or thread is left, and no warning is due."""
    threads = set(threading.enumerate())
    leaks = assert_no_leaks()
    leaks.__enter__()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())  # type: ignore[arg-type]
    gc.collect()  # warnings about what was not closed come now, and are errors
    server.wait_gone("zed-1")
    try:
        leaks.__exit__(None, None, None)
    except AssertionError as error:
        # The server keeps its side of REST connections for 5 s, in this process.
        _, _, port = server.endpoints.client_url.partition("http://127.0.0.1:")
        theirs = f"from ('127.0.0.1', {port.partition('/')[0]})"
        left = [line for line in str(error).splitlines()[1:] if theirs not in line]
        assert not left, left
    # Trio keeps idle threads for a few seconds.
    assert all(one.name.startswith("Trio thread") for one in set(threading.enumerate()) - threads)


@pytest.mark.parametrize("kind", LOOPS)
def test_a_day(server: Server, kind: str) -> None:
    """Messages, a timeout, a failure of another task, every way to disconnect: it works, and leaves nothing in the process."""
    loop = LOOPS[kind]()  # before the check: a loop's first use opens descriptors

    async def main() -> None:
        async with (
            connected(server, settings=MANUAL) as chat,
            chat.events(TextMessage) as events,
            chat.statuses() as statuses,
        ):
            assert isinstance((await anext(statuses)).current, Connected)
            server.say("one")
            server.say("two")
            assert [event.text async for event in _first(events, 2)] == ["one", "two"]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(events)
            assert (await chat.send_text("amy-2", "hello")).text == "hello"
            assert await chat.ping() > 0
            await chat.start_typing("amy-2")
            with pytest.RaisesGroup(LookupError):
                async with asyncio.TaskGroup() as group:
                    group.create_task(chat.keep_alive())
                    group.create_task(anext(events))  # type: ignore[arg-type]
                    group.create_task(_fail())
            server.say("three")
            assert [event.text async for event in _first(events, 1)] == ["three"], "the cancelled read took nothing"
            await chat.disconnect()
            assert isinstance((await anext(statuses)).current, Disconnected)
            await asyncio.gather(chat.connect(), chat.connect(), chat.connect())
            await chat.logout()

    run_clean(server, main, loop)


async def _first(events: Any, count: int) -> Any:
    for _ in range(count):
        yield await anext(events)


async def _fail() -> None:
    await asyncio.sleep(0.01)
    raise LookupError("a task beside")


def test_the_check_finds_what_is_left(server: Server) -> None:
    """A socket that the program itself leaves open is reported, so the test above can fail."""
    import socket

    left: list[socket.socket] = []

    async def main() -> None:
        left.append(socket.socket())

    with pytest.raises(AssertionError, match="socket"):
        run_clean(server, main, asyncio.SelectorEventLoop())
    left[0].close()
