"""What every call leaves behind if its asyncio task is cancelled in its first turn of the loop, its second, and so on.

The suite tries some turns. With COMETCONN_CANCEL_TURNS=N it tries the first N, as `nox -s fuzz` does.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import cometconn.aio
from cometconn import AppSettings, Connected, MemoryStore
from cometconn.errors import CometConnError
from cometconn.events import Gap, TextMessage

from ..connection.test_cancellation import CALLS as TRIO_CALLS
from ..connection.test_cancellation import check_wire, go_silent, heal, message
from .virtual_time import VirtualLoop, run_virtual, virtual_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn.testing import MemoryServer

TURNS = range(int(os.environ.get("COMETCONN_CANCEL_TURNS", "0"))) or (0, 1, 2, 3, 5, 8, 13, 21, 34)
MANUAL = AppSettings(auto_establish_socket_connection=False)


@attrs.frozen
class Pair:
    """A client and its server."""

    chat: cometconn.aio.CometChat
    server: MemoryServer


async def _keep_alive(pair: Pair) -> None:
    try:
        async with asyncio.timeout(25):
            await pair.chat.keep_alive(10)
    except TimeoutError:
        pass


async def _events(pair: Pair) -> None:
    async with pair.chat.events():
        await asyncio.sleep(0)


async def _next_event(pair: Pair) -> None:
    async with pair.chat.events() as events, asyncio.timeout(5):
        await anext(events)


async def _statuses(pair: Pair) -> None:
    async with pair.chat.statuses() as statuses:
        await anext(statuses)


CALLS: dict[str, tuple[dict[str, bool], Callable[[Any], Awaitable[object]]]] = TRIO_CALLS | {
    "keep_alive": ({"connect": True}, _keep_alive),
    "events": ({"connect": True}, _events),
    "anext": ({"connect": True}, _next_event),
    "statuses": ({"connect": True}, _statuses),
}


def open_client(server: MemoryServer, store: MemoryStore) -> Any:
    """A client in manual mode."""
    return cometconn.aio.open_client("APP", MANUAL, store=store, endpoints=server.endpoints, environment=server)


async def prepare(chat: cometconn.aio.CometChat, *, login: bool = True, connect: bool = False) -> None:
    """Log in and connect, if that is wanted."""
    if login:
        await chat.login(uid="zed-1", auth_key="KEY")
    if connect:
        await chat.connect()


async def check_usable(chat: cometconn.aio.CometChat, server: MemoryServer) -> None:
    """Check that the client still works, in whatever state it was left."""
    await chat.login(uid="zed-1", auth_key="KEY")
    await chat.connect(retry=True)
    assert await chat.ping() >= 0
    async with chat.events(TextMessage) as events:
        server.world.post("amy-2", message("amy-2", "zed-1", "still there?"))
        while isinstance(event := await anext(events), Gap):
            pass
        assert isinstance(event, TextMessage)
        assert event.text == "still there?"
    assert isinstance(chat.status, Connected)
    assert server.world.connections("zed-1") == 1, "one socket"


async def cancel_after(turns: int, call: Awaitable[object]) -> bool:
    """Await *call* in a task that is cancelled after so many turns of the loop. Return whether it still ran."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    accepted = task.cancel()
    await asyncio.wait({task})
    if accepted:
        assert task.cancelled(), "a cancel is never swallowed"
    elif (error := task.exception()) is not None:
        assert isinstance(error, CometConnError | TimeoutError), error
    return accepted


@pytest.mark.parametrize("silent", [False, True], ids=["good", "silent"])
@pytest.mark.parametrize("name", CALLS)
def test_every_call(name: str, *, silent: bool) -> None:
    """Wherever a call is cancelled, it ends cancelled, the client stays usable, no frame is torn, no task or socket is left."""

    async def scenario(loop: VirtualLoop, turns: int) -> bool:
        options, call = CALLS[name]
        store = MemoryStore()
        async with virtual_server() as server:
            async with open_client(server, store) as chat:
                await prepare(chat, **options)
                if silent:
                    go_silent(server)
                began = loop.time()
                accepted = await cancel_after(turns, call(Pair(chat, server)))
                # A logout() that is cancelled before its request makes it all the same, and waits for a moment.
                bound = MANUAL.timing.close_timeout if name == "logout" else 0.0
                assert loop.time() - began <= bound or not accepted, "cleaning up takes no time"
                user, saved = chat.get_logged_in_user(), store._saved["APP"].session
                assert (user and user.uid) == (saved and saved.uid), "what is saved is the truth"
                await loop.settle()
                heal(server)
                await loop.settle()
                await check_usable(chat, server)
            await loop.settle()
            check_wire(server)
        return accepted

    _try_turns(scenario)


def _try_turns(scenario: Callable[[VirtualLoop, int], Awaitable[bool]]) -> None:
    for turns in TURNS:
        if not run_virtual(lambda loop, turns=turns: scenario(loop, turns)):  # type: ignore[misc]
            break  # it ended before


@pytest.mark.parametrize("silent", [False, True], ids=["good", "silent"])
@pytest.mark.parametrize("connected", [False, True], ids=["idle", "connected"])
def test_opening_and_leaving_the_client(*, silent: bool, connected: bool) -> None:
    """Wherever open_client() is cancelled, going in or out, it ends within its bound and leaves the store free and no socket."""

    async def scenario(loop: VirtualLoop, turns: int) -> bool:
        store = MemoryStore()
        async with virtual_server() as server:

            async def whole_life() -> None:
                async with open_client(server, store) as chat:
                    if connected:
                        await prepare(chat, connect=True)
                    if silent:
                        go_silent(server)

            began = loop.time()
            accepted = await cancel_after(turns, whole_life())
            assert loop.time() - began <= MANUAL.timing.close_timeout
            heal(server)
            await loop.settle()
            check_wire(server)
            async with open_client(server, store) as chat:
                await prepare(chat, login=chat.get_logged_in_user() is None, connect=True)
        return accepted

    _try_turns(scenario)


def test_leaving_is_bounded_however_often_it_is_cancelled() -> None:
    """With one to seven cancels, and a server that does not answer the close frame, it ends within `close_timeout`, cancelled."""

    async def main(loop: VirtualLoop) -> None:
        async with virtual_server() as server:

            async def whole_life() -> None:
                async with open_client(server, MemoryStore()) as chat:
                    await prepare(chat, connect=True)
                    go_silent(server)
                    ready.set()
                    await asyncio.Event().wait()

            for cancels in range(1, 8):
                ready = asyncio.Event()
                life = asyncio.ensure_future(whole_life())
                await ready.wait()
                began = loop.time()
                for _ in range(cancels):
                    life.cancel()
                    await asyncio.sleep(0.1)
                await asyncio.wait({life})
                assert life.cancelled()
                assert loop.time() - began <= MANUAL.timing.close_timeout
                heal(server)
                await loop.settle()
                check_wire(server)

    run_virtual(main)


@pytest.mark.parametrize("method", ["anext", "batch"])
def test_no_event_is_lost_or_doubled(method: str) -> None:
    """A cancelled read takes nothing: with what it returned, every message is there once, in order."""

    async def scenario(loop: VirtualLoop, turns: int) -> bool:
        texts = [str(number) for number in range(5)]
        got: list[Any] = []
        async with (
            virtual_server() as server,
            open_client(server, MemoryStore()) as chat,
            chat.events(TextMessage) as events,
        ):
            await prepare(chat, connect=True)
            for text in texts[:2]:
                server.world.post("amy-2", message("amy-2", "zed-1", text))
            await loop.settle()  # some are there, the others come while the reader waits

            async def three_reads() -> None:
                for _ in range(3):
                    got.extend(await events.batch() if method == "batch" else [await anext(events)])

            async def post_later() -> None:
                for text in texts[2:]:
                    await asyncio.sleep(0.1)
                    server.world.post("amy-2", message("amy-2", "zed-1", text))

            posting = asyncio.ensure_future(post_later())
            accepted = await cancel_after(turns, three_reads())
            await posting
            async with asyncio.timeout(1):
                while len(got) < len(texts):
                    got.append(await anext(events))
            assert [event.text for event in got] == texts
        return accepted

    _try_turns(scenario)
