"""What a fleet looks like, from an engine with everything in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import trio
from trio.testing import MockClock

from cometconn.cli.fleet.snapshot import Snapshot, hole_fields, take_snapshot
from cometconn.fleet import Account, Incarnation, MemoryEngine
from cometconn.fleet.values import Ack, EntryKind, LogEvent, Read, Release, partition_of

from .conftest import join, own, record, worker

if TYPE_CHECKING:
    from cometconn.fleet import EngineConnection

INFO = json.dumps({"owned": 2, "connected": 1, "append_lag": 0.25, "pid": 7, "host": "h", "version": "1"})


async def fill(connection: EngineConnection) -> None:
    """Two workers, of which the second is draining; an orphan, a parked account, a pin, a hole, a group that is behind."""
    administration = connection.administration
    first = await worker(connection, "w1", "amy", "parked", info=INFO)
    second = await worker(connection, "w2", "zed")
    await administration.add([Account("orphan")])
    await connection.release([Release("parked", first["parked"].word, "refused")])
    await administration.pin("zed", "w2", lasts=60.0)
    await administration.drain(second["zed"].word.incarnation)
    hole = LogEvent(None, b'{"hole": {"after_id": 1, "before_id": 9}}', EntryKind.HOLE)
    await record(connection, first["amy"], LogEvent(1, b"{}"), hole, LogEvent(9, b"{}"))
    partition = partition_of("amy", connection.partitions)
    (owned,) = await own(connection, await join(connection, "c1", "bots"), [str(partition)])
    (read,) = await connection.read([Read(partition, most=1)])
    await connection.ack([Ack(partition, owned.word, read.entries[-1].cursor)])


async def filled(**then: float) -> Snapshot:
    """The snapshot of such a fleet."""
    async with MemoryEngine().connect("APP") as connection:
        await fill(connection)
        await trio.sleep(then.get("after", 0.0))
        return await take_snapshot(connection)


async def test_everything_is_there(autojump_clock: MockClock) -> None:
    """Owners, orphans, pins, holes, and what a group has not acknowledged."""
    snapshot = await filled()
    assert snapshot.owners == {"amy": "w1", "zed": "w2"}
    assert (snapshot.orphans, snapshot.parked, snapshot.connected) == (("orphan",), {"parked": "refused"}, 1)
    (group,) = snapshot.groups
    assert (group.name, len(group.members)) == ("bots", 1)
    found = json.loads(json.dumps(snapshot.to_json()))
    assert (found["accounts"], found["orphans"], found["partitions"]) == (4, ["orphan"], 16)
    assert found["pins"] == [{"uid": "zed", "worker": "w2", "remaining": 60.0}]
    assert [(hole["uid"], hole["what"]) for hole in found["holes"]] == [("amy", {"after_id": 1, "before_id": 9})]
    first, second = found["workers"]
    assert (first["name"], first["alive"], first["owned"], first["info"]["pid"]) == ("w1", True, 1, 7)
    assert (second["draining"], second["lease_remaining"], second["info"]) == (True, 600.0, {})
    assert found["groups"][0]["consumers"][0]["partitions"] == 1


async def test_a_lease_that_is_over_owns_nothing(autojump_clock: MockClock) -> None:
    """Its accounts are without an owner, and its members no longer count as connected."""
    snapshot = await filled(after=601.0)
    assert (snapshot.owners, snapshot.orphans, snapshot.connected) == ({}, ("amy", "orphan", "zed"), 0)
    assert [each.member.is_alive for each in snapshot.workers] == [False, False]


async def test_how_far_a_group_is_behind(autojump_clock: MockClock) -> None:
    """As long as the oldest entry waits that it has not acknowledged, in any partition."""
    async with MemoryEngine().connect("APP") as connection:
        await fill(connection)
        await trio.sleep(5)
        claimed = await worker(connection, "w3", "new")
        await record(connection, claimed["new"], LogEvent(1, b"{}"))
        await trio.sleep(2)
        (group,) = (await take_snapshot(connection)).groups
        assert (group.behind, group.to_json()["behind_seconds"]) == (7.0, 7.0)


async def test_what_members_and_holes_report_may_be_anything(autojump_clock: MockClock) -> None:
    """Other programs can write there."""
    async with MemoryEngine().connect("APP") as connection:
        for number, info in enumerate(("[1]", "{", '{"connected": "many"}')):
            await connection.lease(Incarnation(f"w{number}"), 60.0, joining=True, info=info)
        snapshot = await take_snapshot(connection)
    assert [each.info for each in snapshot.workers] == [{}, {}, {"connected": "many"}]
    assert snapshot.connected == 0
    assert [hole_fields(body) for body in (b"", b"{}", b"[]", b'{"hole": 1}')] == [{}, {}, {}, {}]
