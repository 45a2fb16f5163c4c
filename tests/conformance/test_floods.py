"""A server that accepts and closes again and again gets one dial for each delay of the backoff."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore, Timing, Waiting
from cometconn.emulator import open_emulator
from tests.transport.raw_server import close

from . import servers
from .authority import Authority
from .catalogue import Case
from .servers import Visit
from .verdict import KnownChance, misbehaving


@asynccontextmanager
async def flooded(script: servers.Script, timing: Timing) -> AsyncGenerator[tuple[CometChat, list[Visit]], None]:
    """A client of a server that runs *script*, and the connections that the server has had."""
    with trio.fail_after(30):
        async with (
            open_emulator() as rest,
            misbehaving(Case("floods", script), 0.001, Authority()) as (url, visits),
            cometconn.open_client(
                "APP",
                AppSettings(timing=timing),
                store=MemoryStore(),
                endpoints=attrs.evolve(rest.endpoints, socket_url=url),
                environment=KnownChance(None),
            ) as chat,
        ):
            yield chat, visits


@pytest.mark.parametrize("script", [servers.says(close(1011)), servers.vanishes, servers.resets_in_a_frame])
async def test_the_backoff_does_not_start_over_because_a_socket_opened(script: servers.Script) -> None:
    """Every connection is authenticated and lost at once: each wait is twice as long, up to the cap; one dial each."""
    delays: list[float] = []
    timing = Timing(retry_base=0.02, retry_cap=0.3, stable_after=10)
    async with flooded(script, timing) as (chat, visits), chat.statuses() as changes:
        await chat.login(uid="zed-1", auth_key="KEY")
        async for change in changes:
            if isinstance(change.current, Waiting):
                delays.append(change.current.retry_at - change.current.at)
            if len(delays) == 7:
                break
        assert len(visits) == 7
    assert delays == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.15, 0.15, 0.15])


async def test_retry_now_does_not_override_the_backoff() -> None:
    """A program that calls retry_now() at every loss gets one immediate attempt a second, no more."""
    timing = Timing(retry_base=100, retry_cap=100)
    async with flooded(servers.says(close(1011)), timing) as (chat, visits), chat.statuses() as changes:
        await chat.login(uid="zed-1", auth_key="KEY")
        began = trio.current_time()
        async for change in changes:
            if isinstance(change.current, Waiting):
                chat.retry_now()
                if isinstance(chat.status, Waiting):  # refused
                    break
        for _ in range(1000):
            chat.retry_now()
        assert len(visits) <= 2 + int(trio.current_time() - began)
