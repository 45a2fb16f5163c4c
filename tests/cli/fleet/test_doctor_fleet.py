"""`cometconn fleet doctor` and a fleet that is not well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import MockClock

from cometconn.cli.fleet.doctor_fleet import check_fleet
from cometconn.fleet import Account, EngineConnection, Incarnation, KeyRing, MemoryEngine
from cometconn.fleet.encrypted_connection import encrypted
from cometconn.fleet.values import Ack, Append, Claim, Claimed, EntryKind, LogEvent, Read, Release, Save, partition_of

from .doctor_findings import found, make_checks, of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cometconn.cli.fleet.doctor_checks import Checks

RING = KeyRing({"k2": b"2" * 32, "k1": b"1" * 32})


@pytest.fixture
async def connection(autojump_clock: MockClock) -> AsyncIterator[EngineConnection]:
    async with MemoryEngine().connect("APP") as opened:
        yield opened


async def join(connection: EngineConnection, name: str = "w1", group: str = "workers", **info: float) -> Incarnation:
    incarnation = Incarnation(name, group=group)
    await connection.lease(incarnation, 5.0, joining=True, info=json.dumps(info))
    return incarnation


async def own(connection: EngineConnection, worker: Incarnation, *keys: str) -> list[Claimed]:
    if worker.group == "workers":
        await connection.administration.add([Account(key) for key in keys])
    claimed = await connection.claim(worker, [Claim(key) for key in keys])
    return [each for each in claimed if isinstance(each, Claimed)]


async def diagnosed(connection: EngineConnection, keys: KeyRing | None = None) -> Checks:
    checks = make_checks()
    await check_fleet(checks, connection, keys)
    return checks


async def test_a_healthy_fleet(connection: EngineConnection, autojump_clock: MockClock) -> None:
    """And one that has not begun."""
    assert found(await diagnosed(connection)) == {}
    await own(connection, await join(connection, owned=2, connected=2), "amy", "bob")
    checks = await diagnosed(connection)
    assert found(checks) == {}
    assert of(checks, "connected").text == "2 of 2 owned accounts"


async def test_workers(connection: EngineConnection, autojump_clock: MockClock) -> None:
    """A lease that is over, appends that wait, no worker at all; one that has left is no news."""
    await own(connection, await join(connection), "amy")
    await trio.sleep(6.0)
    assert found(await diagnosed(connection)) == {"workers": "failed"}
    left = await join(connection, "w3")
    await connection.lease(left, 0)
    await own(connection, await join(connection, "w2", connected=1, append_lag=9.5), "amy")
    checks = await diagnosed(connection)
    assert found(checks) == {"workers": "warning", "appends": "warning"}
    assert of(checks, "workers").text == "1 alive; the leases of w1 ended in the last 60 s"
    assert of(checks, "appends").text == "those of w2 wait for up to 10 s"


async def test_accounts(connection: EngineConnection, autojump_clock: MockClock) -> None:
    """Without an owner, parked, not connected, pinned to a worker that does not run; at most five are named."""
    worker = await join(connection, connected=1)
    amy, _, bob = await own(connection, worker, "amy", "eve", "bob")
    await connection.administration.add([Account(f"user-{number}") for number in range(7)])
    await connection.release([Release("amy", amy.word, parked="AUTHENTICATION_FAILED: a token\x1b[31m")])
    await connection.administration.pin("bob", "w9", lasts=60.0)
    assert bob.key == "bob"
    checks = await diagnosed(connection)
    assert found(checks) == {"owners": "failed", "parked": "warning", "connected": "warning", "pins": "warning"}
    named = "user-0, user-1, user-2, user-3, user-4 and 2 more"
    assert of(checks, "owners").text == f"7 of 10 accounts have none: {named}"
    assert of(checks, "parked").text.startswith("1: amy (AUTHENTICATION_FAILED")
    assert "\x1b" not in of(checks, "parked").text
    assert of(checks, "connected").text == "1 of 2 owned accounts"
    assert of(checks, "pins").text == "to workers without a lease: bob to w9"


async def test_the_log(connection: EngineConnection, autojump_clock: MockClock) -> None:
    """Holes, groups that are behind, groups without consumers: these keep the log from being trimmed."""
    (amy,) = await own(connection, await join(connection, connected=1), "amy")
    events = (LogEvent(1, b"x"), LogEvent(None, b"{}", EntryKind.HOLE))
    await connection.append([Append("amy", amy.word, 1, events)])
    partition = partition_of("amy", connection.partitions)
    consumer = await join(connection, "c1", "bots")
    (owned,) = await own(connection, consumer, str(partition))
    checks = await diagnosed(connection)
    assert found(checks) == {"holes": "warning"}
    assert of(checks, "group bots").text == "1 alive, 0 s behind"
    assert of(checks, "log").text == "2 entries in 16 partitions, the oldest 0:00:00 old"
    for _ in range(16):
        await trio.sleep(4.0)
        await connection.lease(consumer, 5.0)
    assert found(await diagnosed(connection))["group bots"] == "warning"
    await trio.sleep(6.0)
    checks = await diagnosed(connection)
    assert (found(checks)["group bots"], of(checks, "group bots").text) == ("warning", "0 alive, 70 s behind")
    again = await join(connection, "c2", "bots")
    (owned,) = await own(connection, again, str(partition))
    (result,) = await connection.read([Read(partition)])
    await connection.ack([Ack(partition, owned.word, result.entries[-1].cursor)])
    await trio.sleep(6.0)
    assert of(await diagnosed(connection), "group bots").verdict.value == "ok"


async def test_keys(connection: EngineConnection, autojump_clock: MockClock) -> None:
    """Sessions in plain text, with an older key, with an unknown one; without keys nothing can be judged."""
    (amy,) = await own(connection, await join(connection, connected=1), "amy")
    await connection.save([Save("amy", amy.word, b"{}", 1)])
    assert found(await diagnosed(connection)) == {"keys": "warning"}
    assert found(await diagnosed(connection, RING)) == {"keys": "warning"}
    for revision, (ring, verdicts) in enumerate(
        [
            (KeyRing({"k1": b"1" * 32}), {"keys": "warning"}),
            (KeyRing({"k3": b"3" * 32}), {"keys": "warning"}),
            (RING, {}),
        ],
        2,
    ):
        await (await encrypted(connection, ring, messages=False)).save([Save("amy", amy.word, b"{}", revision)])
        assert found(await diagnosed(connection, RING)) == verdicts
        assert found(await diagnosed(connection)) == {"keys": "skipped"}
    assert of(await diagnosed(connection, RING), "keys").text == "1 sessions, with k2"
