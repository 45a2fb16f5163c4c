"""A connection that has ended is freed at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from cometconn import AppSettings, CometChat, Connected, MemoryStore, Timing, open_client
from cometconn.emulator import Emulator, open_emulator
from cometconn.events import Gap

SLACK = 15.0


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Turn the cyclic garbage collector off, so that whatever is part of a reference cycle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def disconnect(chat: CometChat, _: Emulator) -> None:
    """End it ourselves."""
    await chat.disconnect()


async def be_disconnected(chat: CometChat, server: Emulator) -> None:
    """Let the server end it, and keep the gap and the status, which have the cause."""
    async with chat.events(Gap) as events, chat.statuses() as statuses:
        server.drop(None, "close")
        await anext(events)
        async for change in statuses:
            if isinstance(change.current, Connected):
                break


@pytest.mark.parametrize("end", [disconnect, be_disconnected])
async def test_no_reference_cycle_outlives_a_connection(no_collector: None, end: Any) -> None:
    """An ended connection is freed without a garbage collection, which would stop a program of thousands of clients."""
    with trio.fail_after(SLACK):
        async with (
            open_emulator() as server,
            open_client(
                "APP",
                AppSettings(auto_establish_socket_connection=False, timing=Timing(retry_base=0)),
                store=MemoryStore(),
                endpoints=server.endpoints,
            ) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            link = chat._machine.connected_link("the test")
            left = [weakref.ref(part) for part in (link, link.websocket, link.websocket._feed)]
            del link
            await end(chat, server)
            await trio.testing.wait_all_tasks_blocked()
            assert [ref() for ref in left] == [None, None, None]
