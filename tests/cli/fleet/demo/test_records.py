"""The demo's records of a real server and of a real log."""

from __future__ import annotations

import attrs
import trio

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.cli.fleet.demo.records import LogRecord, Numbered, ServerRecord
from cometconn.cli.fleet.demo.rules import check
from cometconn.emulator import open_emulator
from cometconn.fleet import Account, Credentials, MemoryEngine, open_worker

from .test_rules import GOOD


async def test_two_connections_of_one_account() -> None:
    """The server's record shows them, with both logins; the rule fails, and holds for one connection after the other."""
    async with open_emulator(users=("a", "b")) as server:
        record = ServerRecord(server)
        for uid in ("a", "b", "b"):
            async with cometconn.open_client(
                "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints
            ) as chat:
                await chat.login(uid=uid, auth_key="KEY")
                await chat.connect()
                record.update()
                assert record.connected == {uid}
            with trio.fail_after(10):
                await server.wait_gone(uid)
        record.update()
        one = attrs.evolve(GOOD, sockets=tuple(record.sockets))
        assert all(result.held for result in check(one))
        assert [before is not None for _, before in record.opened_since(0.0)] == [False, False, True]
        async with (
            cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as first,
            cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as second,
        ):
            for chat in (first, second):
                await chat.login(uid="a", auth_key="KEY")
                await chat.connect()
        record.update()
        two = attrs.evolve(GOOD, sockets=record.sockets)
        assert [result.rule for result in check(two) if not result.held] == [
            "No account ever had two connections at a time."
        ]
        assert (record.logins, record.missed, len(record.sockets)) == (5, 0, 5)


async def test_entries_that_were_dropped() -> None:
    """The record counts entries of the server's log that were dropped before it read them."""
    async with open_emulator(users=("a",)) as server:
        record = ServerRecord(server)
        for _ in range(10_003):
            server.expire_jwts()
        record.update()
        assert record.missed == 3
        server.expire_jwts()
        record.update()
        assert record.missed == 3


async def test_the_messages_of_both() -> None:
    """The server's record and the log of a worker have the same messages; the log is read in steps."""

    async def login(account: Account) -> Credentials:
        await trio.lowlevel.checkpoint()
        return Credentials(auth_key="KEY")

    engine = MemoryEngine()
    async with open_emulator(users=("sender", "a", "b")) as server, engine.connect("APP", partitions=16) as connection:
        await connection.administration.add([Account("a"), Account("b")])
        log, record = LogRecord(connection), ServerRecord(server)
        async with open_worker(
            "APP",
            AppSettings(),
            engine=engine,
            name="w1",
            login=login,
            endpoints=server.endpoints,
        ):
            for uid in ("a", "b"):
                with trio.fail_after(30):
                    await server.wait_connected(uid)
            for number in range(600):
                server.say("sender", f"message {number}", receiver="ab"[number % 2])
                await trio.lowlevel.checkpoint()
            with trio.fail_after(30):
                while len(log.messages) < 600:
                    await log.update()
        assert record.messages()[0] == Numbered("a", 1, "message 0")
        assert sorted(log.messages, key=lambda message: message.id) == list(record.messages())
        assert log.holes == 0
