"""The emulator for asyncio: it waits in asyncio, and is otherwise the emulator."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

import cometconn.emulator
from cometconn import AppSettings, MemoryStore, aio
from cometconn.aio.emulator import Emulator, ServerLog, open_emulator
from cometconn.emulator import Kind
from cometconn.errors import SettingsError

from .harness import run


@pytest.mark.parametrize(
    ("twin", "original"), [(Emulator, cometconn.emulator.Emulator), (ServerLog, cometconn.emulator.ServerLog)]
)
def test_every_call_that_waits_has_a_twin(twin: type, original: type) -> None:
    """With the same signature: a call that is missing would wait in Trio, and fail."""
    waiting = {name for name, member in inspect.getmembers(original, inspect.iscoroutinefunction)}
    assert waiting
    assert waiting == {name for name in vars(twin) if inspect.iscoroutinefunction(vars(twin)[name])}
    for name in waiting:
        assert inspect.signature(getattr(twin, name)) == inspect.signature(getattr(original, name))
        assert getattr(twin, name).__doc__


def test_a_client_and_its_server_in_one_loop() -> None:
    """What the server waits for, what it does, and its log; a wait that is cancelled changes nothing."""

    async def main() -> None:
        async with open_emulator(users=("zed-1", "amy-2")) as server:
            assert isinstance(server, cometconn.emulator.Emulator)
            waiting = asyncio.ensure_future(server.log.wait_for(lambda entry: entry.kind is Kind.CLOSE_IN))
            never = asyncio.ensure_future(server.wait_gone("zed-1"))
            await never
            async with aio.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await server.wait_connected("zed-1")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await server.wait_gone("zed-1")
                position = server.log.position
                server.say("amy-2", "hello", receiver="zed-1")
                entry = await server.log.wait_for(lambda entry: entry.kind is Kind.FRAME_OUT, since=position)
                assert entry.uid == "zed-1"
                assert entry in server.log
                assert server.drop("zed-1", "reset") == 1
                await server.wait_gone("zed-1")
                await server.wait_connected("zed-1")
            assert (await waiting).detail["code"] == 1000
            assert server.log.position == len(server.log)

    run(main)


def test_what_cannot_be_opened() -> None:
    """The errors are those of `cometconn.emulator`."""

    async def main() -> None:
        options: dict[str, Any] = {"host": "192.0.2.1"}
        with pytest.raises(SettingsError, match="loopback"):
            async with open_emulator(**options):
                raise AssertionError

    run(main)
