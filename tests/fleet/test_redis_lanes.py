"""What coredis' own pool and retries would do, and that a lane does not."""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import trio
import trio.testing

from cometconn.fleet import Account, EngineError, Incarnation, RedisEngine
from cometconn.fleet.redis_address import RedisAddress
from cometconn.fleet.values import Read

from .redis_server import RedisServer, call

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Iterator

BARE = pytest.param("coredis", marks=pytest.mark.xfail(strict=True, reason="what coredis 6.9 does by itself"))
SOON = 1.0  # seconds: long enough for a call on a loaded machine, if it is made at all
_MOST = 2  # connections of a pool


@pytest.fixture
def own_server(redis_server: RedisServer, tmp_path: pathlib.Path) -> Iterator[RedisServer]:
    """A server that a test may stop and start. It is not started if tests of Redis are skipped."""
    with RedisServer(tmp_path).running() as server:
        yield server


class Commands(Protocol):
    """What both have."""

    async def command(self, name: bytes, *arguments: str | int) -> Any:
        """Make a command."""
        ...

    async def block(self, wait: float) -> None:
        """Wait for an entry of a stream that never gets one."""
        ...


@asynccontextmanager
async def commands(kind: str, server: RedisServer, patience: float | None = None) -> AsyncIterator[Commands]:
    """Give lanes, or coredis' client with at most two connections and its default of retries."""
    from cometconn.fleet.redis_lanes import Lanes  # it imports coredis, which is optional

    if kind == "coredis":
        async with _bare(server, patience) as client:
            yield client
        return

    class Ours:
        async def command(self, name: bytes, *arguments: str | int) -> Any:
            return await lanes.writes.command(name, *arguments)

        async def block(self, wait: float) -> None:
            await lanes.block(wait, b"XREAD", "BLOCK", int(wait * 1000), "STREAMS", "none", "0-0")

    async with trio.open_nursery() as nursery:
        lanes = Lanes(RedisAddress(path=str(server.socket)), patience or 30.0, nursery)
        try:
            yield Ours()
        finally:
            lanes.close()


@asynccontextmanager
async def _bare(server: RedisServer, patience: float | None) -> AsyncIterator[Commands]:
    import coredis

    class Bare:
        async def command(self, name: bytes, *arguments: str | int) -> Any:
            return await getattr(client, name.decode().lower())(*arguments)

        async def block(self, wait: float) -> None:
            await client.xread({"none": "0-0"}, block=int(wait * 1000))

    client = coredis.Redis(unix_socket_path=str(server.socket), max_connections=_MOST, stream_timeout=patience)
    async with client:
        yield Bare()


@pytest.mark.parametrize("kind", [BARE, "ours"])
async def test_cancelled_blocking_reads(redis_server: RedisServer, kind: str) -> None:
    """Each costs a connection of coredis' pool; then every command waits for ever."""
    async with commands(kind, redis_server) as client:
        for _ in range(_MOST + 2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.block, 60)
                await trio.testing.wait_all_tasks_blocked(0.02)
                nursery.cancel_scope.cancel()
        with trio.fail_after(SOON):
            await client.command(b"GET", "x")


@pytest.mark.parametrize("kind", [BARE, "ours"])
async def test_a_cancelled_wait_for_a_connection(redis_server: RedisServer, kind: str) -> None:
    """In coredis' pool it swallows the wake-up of the next wait, although a connection is free."""
    done = trio.Event()
    async with commands(kind, redis_server) as client, trio.open_nursery() as nursery:
        for seconds in (0.3, 60):
            nursery.start_soon(client.block, seconds)
        await trio.testing.wait_all_tasks_blocked(0.05)
        cancelled = trio.CancelScope()

        async def wait(scope: trio.CancelScope) -> None:
            with scope:
                await client.block(0.01)
                done.set()

        nursery.start_soon(wait, cancelled)
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.start_soon(wait, trio.CancelScope())
        await trio.testing.wait_all_tasks_blocked(0.01)
        cancelled.cancel()
        with trio.fail_after(3 * SOON):
            await done.wait()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", [BARE, "ours"])
async def test_a_command_that_times_out_is_made_once(own_server: RedisServer, kind: str) -> None:
    """The client of coredis repeats it, so that it is made three times when the server goes on."""
    assert own_server.process is not None
    async with commands(kind, own_server, patience=0.1) as client:
        await client.command(b"INCR", "before")
        own_server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(Exception, match=".*"):
            await client.command(b"INCR", "x")
        own_server.process.send_signal(signal.SIGCONT)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert call(own_server.socket, "GET", "x") in (b"1", None)


async def test_a_restarted_server(own_server: RedisServer) -> None:
    """The calls under way fail, the next ones work, as often as it happens."""
    async with commands("ours", own_server) as client:
        for _ in range(3):
            outcomes: list[str] = []

            async def block(outcomes: list[str] = outcomes) -> None:
                try:
                    await client.block(60)
                except EngineError as error:
                    outcomes.append(error.message)

            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(block)
                await trio.testing.wait_all_tasks_blocked(0.02)
                own_server.stop()
            assert len(outcomes) == 3
            assert all("is unreachable" in outcome for outcome in outcomes)
            with pytest.raises(EngineError):
                await client.command(b"GET", "x")
            await trio.to_thread.run_sync(own_server.start)
            with trio.fail_after(20):
                await client.command(b"GET", "x")
    assert len(call(own_server.socket, "CLIENT", "LIST").splitlines()) == 1


async def test_cancelled_while_it_connects(own_server: RedisServer) -> None:
    """The next call connects anew; nothing is left over."""
    assert own_server.process is not None
    async with commands("ours", own_server) as client:
        own_server.process.send_signal(signal.SIGSTOP)
        with trio.move_on_after(0.05) as scope:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(client.command, b"GET", "x")
        assert scope.cancelled_caught
        own_server.process.send_signal(signal.SIGCONT)
        with trio.fail_after(20):
            await client.command(b"GET", "x")


async def test_replies_stay_in_step(redis_server: RedisServer) -> None:
    """After hundreds of cancelled calls, each call still gets its own reply."""
    async with commands("ours", redis_server) as client:
        await client.command(b"ECHO", "opens the connection")
        call(redis_server.socket, "CONFIG", "RESETSTAT")
        for number in range(300):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.command, b"ECHO", f"cancelled {number}")
                for _ in range(number % 6):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            if number % 20 == 0:
                assert await client.command(b"ECHO", str(number)) == str(number).encode()
        statistics = call(redis_server.socket, "INFO", "commandstats").decode()
        assert int(statistics.partition("cmdstat_echo:calls=")[2].partition(",")[0]) > 100, "few were sent"


async def test_a_lease_waits_for_nothing_else(redis_server: RedisServer) -> None:
    """Neither for a writer whose call hangs, nor for readers."""
    engine = RedisEngine(redis_server.url, namespace="lanes")
    async with engine.connect("app") as connection, trio.open_nursery() as nursery:
        writes = connection._lanes.writes  # type: ignore[attr-defined]
        nursery.start_soon(lambda: writes.command(b"BLPOP", "none", 60, wait=60))
        nursery.start_soon(lambda: connection.read([Read(0)], wait=60))
        await trio.testing.wait_all_tasks_blocked(0.02)
        with trio.fail_after(20):
            await connection.lease(Incarnation("w1"), 5, joining=True)
        with trio.move_on_after(0.05) as scope:
            await connection.administration.add([Account("amy")])
        assert scope.cancelled_caught, "the writer did not hang"
        nursery.cancel_scope.cancel()


async def test_a_server_that_does_not_respond(own_server: RedisServer) -> None:
    """A call fails after `call_timeout`, and the connection is replaced, as the peer may be gone."""
    assert own_server.process is not None
    async with RedisEngine(own_server.url, call_timeout=0.2).connect("app") as connection:
        worker = Incarnation("w1")
        await connection.lease(worker, 5, joining=True)
        before = {line.split()[0] for line in call(own_server.socket, "CLIENT", "LIST").splitlines()}
        own_server.process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(EngineError, match="did not respond within 0.2 s") as caught:
                await connection.lease(worker, 5)
            assert caught.value.worth_retrying
        own_server.process.send_signal(signal.SIGCONT)
        with trio.fail_after(20):
            while True:
                try:
                    await connection.lease(worker, 5)
                except EngineError:
                    continue
                break
        after = {line.split()[0] for line in call(own_server.socket, "CLIENT", "LIST").splitlines()}
        assert after - before
