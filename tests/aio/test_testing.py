"""The test kit for asyncio."""

from __future__ import annotations

import asyncio
import pathlib
import socket

import pytest

from cometconn import AppSettings, MemoryStore, Timing, aio
from cometconn.aio.emulator import open_emulator
from cometconn.aio.testing import assert_no_leaks, open_fault_proxy, open_replay
from cometconn.environment import Environment
from cometconn.events import TextMessage
from cometconn.settings import Endpoints
from cometconn.testing import LineFaults, ReplayError, record

from .harness import run


async def read_one(endpoints: Endpoints, environment: Environment) -> str:
    """Log in, and return the first message."""
    async with aio.open_client(
        "APP", AppSettings(), store=MemoryStore(), endpoints=endpoints, environment=environment
    ) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        async with chat.events(TextMessage) as messages:
            async for message in messages:
                assert isinstance(message, TextMessage)
                return message.text
    raise AssertionError


def test_what_was_recorded_comes_again(tmp_path: pathlib.Path) -> None:
    """A recorder is an environment in asyncio, too, and a replay ends what the transcript does not have."""
    path = tmp_path / "session.jsonl"

    async def record_it() -> None:
        async with open_emulator() as server:
            server.say("amy-2", "hello", receiver="zed-1")
            with record(path) as recorder:
                reading = asyncio.ensure_future(read_one(server.endpoints, recorder))
                await server.wait_connected("zed-1")
                server.say("amy-2", "hello", receiver="zed-1")
                assert await reading == "hello"

    async def replay_it() -> None:
        async with open_replay(path) as replay:
            assert await read_one(replay.endpoints, replay) == "hello"

    async def do_something_else() -> None:
        async with open_replay(path) as replay:
            async with aio.open_client(
                "APP", AppSettings(), store=MemoryStore(), endpoints=replay.endpoints, environment=replay
            ) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.send_text("amy-2", "something else")

    run(record_it)
    run(replay_it)
    with pytest.raises(ReplayError, match="something else"):
        run(do_something_else)


def test_the_connection_comes_back_behind_a_fault_proxy() -> None:
    """The proxy's methods act at once, as in Trio."""

    async def main() -> None:
        settings = AppSettings(timing=Timing(retry_base=0.05))
        async with (
            open_emulator() as server,
            open_fault_proxy(server.url, [LineFaults(delay=0.01)]) as proxy,
            aio.open_client("APP", settings, store=MemoryStore(), endpoints=proxy.endpoints) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            assert await chat.ping() >= 0.01
            proxy.end("reset")
            await server.wait_gone("zed-1")
            await server.wait_connected("zed-1")

    run(main)


def test_nothing_is_left_by_a_client() -> None:
    """Inside of a loop whose guest goes on, and around a whole loop."""

    async def main() -> None:
        async with open_emulator() as server:
            async with assert_no_leaks(patience=8):  # the server keeps its side of REST connections for 5 s
                async with aio.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints):
                    pass

    run(main)
    with assert_no_leaks():
        run(main)


def test_what_is_left_is_reported() -> None:
    """A socket, a client that was entered and not left, and a task."""
    manual = AppSettings(auto_establish_socket_connection=False)

    async def main() -> None:
        nothing = Endpoints.at("http://127.0.0.1:9")
        async with aio.open_client("APP", manual, store=MemoryStore(), endpoints=nothing):
            with pytest.raises(AssertionError, match="socket at"):
                async with assert_no_leaks(patience=0.02):
                    left = socket.socket()
            left.close()
            client = aio.open_client("OTHER", manual, store=MemoryStore(), endpoints=nothing)
            with pytest.raises(AssertionError, match=r"task cometconn\."):
                async with assert_no_leaks(patience=0.02):
                    await client.__aenter__()
            await client.__aexit__(None, None, None)
        with pytest.raises(LookupError):
            async with assert_no_leaks():
                raise LookupError
        forgotten = aio.open_client("APP", manual, store=MemoryStore(), endpoints=nothing)
        with pytest.raises(AssertionError, match=r"asyncio tasks behind: cometconn\.guest"):
            async with assert_no_leaks(patience=0.02):
                await forgotten.__aenter__()
        await forgotten.__aexit__(None, None, None)

    run(main)
