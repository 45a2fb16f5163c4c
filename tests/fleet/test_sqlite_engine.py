"""A fleet in a file: several processes, slow disks, restarts of the machine, and files that are not ours."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from cometconn.fleet import Account, EngineConnection, EngineError, Incarnation, SQLiteEngine, sqlite_engine
from cometconn.fleet.values import Append, Appended, Claim, Claimed, LogEvent, Read, partition_of

if TYPE_CHECKING:
    import pathlib

UIDS = [f"user-{number}" for number in range(24)]
EVENTS = 40

PROGRAM = """
import json, sys, trio
from cometconn.fleet import Incarnation, SQLiteEngine
from cometconn.fleet.values import *

async def main(path, name, uids, events):
    owned, written = [], 0
    async with SQLiteEngine(path, call_timeout=60).connect("app") as connection:
        worker = Incarnation(name)
        await connection.lease(worker, 120, joining=True)
        for result in await connection.claim(worker, [Claim(uid) for uid in uids]):
            if isinstance(result, Claimed):
                owned.append(result)
        for number in range(1, events + 1):
            appends = [Append(c.key, c.word, number, (LogEvent(number, b"x"),), number - 1, number - 1 or None) for c in owned]
            for result in await connection.append(appends):
                assert isinstance(result, Appended) and result.appended == 1, result
            await connection.lease(worker, 120)
    print(json.dumps([claimed.key for claimed in owned]))

trio.run(main, sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
"""


async def own(connection: EngineConnection, name: str = "w1", uid: str = "amy") -> Claimed:
    """Join, and own an account."""
    await connection.administration.add([Account(uid)])
    worker = Incarnation(name)
    await connection.lease(worker, 60, joining=True)
    (claimed,) = await connection.claim(worker, [Claim(uid)])
    assert isinstance(claimed, Claimed)
    return claimed


async def test_several_processes(tmp_path: pathlib.Path) -> None:
    """Each account is owned by one of them, each event stands in the log once, in order."""
    path, owned = tmp_path / "fleet.db", []
    async with SQLiteEngine(path, call_timeout=60).connect("app") as connection:
        await connection.administration.add([Account(uid) for uid in UIDS])

        async def run(name: str) -> None:
            command = [sys.executable, "-c", PROGRAM, str(path), name, json.dumps(UIDS), str(EVENTS)]
            done = await trio.run_process(command, capture_stdout=True)
            owned.extend(json.loads(done.stdout))

        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                for number in range(3):
                    nursery.start_soon(run, f"w{number}")
        assert sorted(owned) == sorted(UIDS)
        logs: dict[str, list[int | None]] = {uid: [] for uid in UIDS}
        for partition in range(connection.partitions):
            (result,) = await connection.read([Read(partition, most=10**6)])
            for entry in result.entries:
                logs[entry.account].append(entry.id)
        assert all(ids == list(range(1, EVENTS + 1)) for ids in logs.values())


async def test_a_slow_disk_does_not_delay_a_renewal(tmp_path: pathlib.Path) -> None:
    """While a writer of another process holds the file, leases are renewed, the log is read, and appends wait."""
    path = tmp_path / "fleet.db"
    async with SQLiteEngine(path).connect("app") as connection:
        claimed = await own(connection)
        with closing(sqlite3.connect(path, isolation_level=None)) as slow:
            slow.execute("BEGIN IMMEDIATE")
            results: list[object] = []

            async def append() -> None:
                results.extend(await connection.append([Append("amy", claimed.word, 1, (LogEvent(1, b"x"),))]))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(append)
                with trio.fail_after(20):
                    for _ in range(10):
                        await connection.lease(claimed.word.incarnation, 60)
                        await connection.read([Read(partition_of("amy", connection.partitions))])
                assert not results
                slow.execute("COMMIT")
        assert results == [Appended("amy", 1, 1, appended=1)]


async def test_old_entries_are_removed_in_pieces(tmp_path: pathlib.Path) -> None:
    """An append waits for one piece at most, and the pieces together remove everything, of all partitions."""
    async with SQLiteEngine(tmp_path / "fleet.db").connect("app", partitions=2) as connection:
        for name, uid in (("w1", "amy"), ("w2", "bob")):
            claimed = await own(connection, name, uid)
            await connection.append([Append(uid, claimed.word, 1, tuple(LogEvent(n, b"x") for n in range(1, 201)))])
        assert [await connection.administration.trim(0) for _ in range(3)] == [256, 144, 0]
        assert [status.entries for status in await connection.administration.log()] == [0, 0]


async def test_a_disk_that_hangs(tmp_path: pathlib.Path) -> None:
    """An append fails after `call_timeout`. Those that did not begin are not made later."""
    path = tmp_path / "fleet.db"
    async with SQLiteEngine(path).connect("app") as connection:
        claimed = await own(connection)
    async with SQLiteEngine(path, call_timeout=0.2).connect("app") as connection:
        with closing(sqlite3.connect(path, isolation_level=None)) as slow:
            slow.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                with pytest.raises(EngineError) as caught:
                    await connection.append([Append("amy", claimed.word, 1, (LogEvent(1, b"x"),))])
                assert caught.value.worth_retrying
        with trio.fail_after(20):
            while True:
                try:
                    (result,) = await connection.append([Append("amy", claimed.word, 1, (LogEvent(1, b"x"),))])
                except EngineError:
                    continue
                break
        assert isinstance(result, Appended)
        (log,) = await connection.read([Read(partition_of("amy", connection.partitions))])
        assert len(log.entries) == 1


async def test_another_boot_means_that_every_lease_is_over(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accounts are free, the log and the positions are as they were, and the old leases' files are removed."""
    engine = SQLiteEngine(tmp_path / "fleet.db")
    async with engine.connect("app") as connection:
        claimed = await own(connection, "w1")
        await connection.append([Append("amy", claimed.word, 1, (LogEvent(1, b"x"),))])
    (tmp_path / "other.db.leases-x").touch()
    monkeypatch.setattr(sqlite_engine, "boot_id", lambda: "another-boot")
    async with engine.connect("app") as connection:
        assert (await own(connection, "w1")).position == 1
    assert {path.name for path in tmp_path.iterdir() if "leases" in path.name} == {
        "fleet.db.leases-another-boot",
        "other.db.leases-x",
    }


async def test_another_time_namespace(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its boot-time clock may differ: it is refused until the next boot."""
    engine = SQLiteEngine(tmp_path / "fleet.db")
    async with engine.connect("app"):
        pass
    monkeypatch.setattr(sqlite_engine, "time_namespace", lambda: "time:[1]")
    with pytest.raises(EngineError, match="time namespace") as caught:
        async with engine.connect("app"):
            pass
    assert not caught.value.worth_retrying
    monkeypatch.setattr(sqlite_engine, "boot_id", lambda: "another-boot")
    async with engine.connect("app"):
        pass


async def test_the_files_are_private(tmp_path: pathlib.Path) -> None:
    """They contain sessions."""
    async with SQLiteEngine(tmp_path / "fleet.db").connect("app") as connection:
        await own(connection)
        assert len(list(tmp_path.iterdir())) >= 4
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert repr(SQLiteEngine("fleet.db")) == "SQLiteEngine('fleet.db')"


def database(statement: str) -> bytes:
    """Return the content of a database file."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(statement)
        return made.serialize()


FOREIGN = {
    "no database": b"not a database" * 100,
    "another program's": database("CREATE TABLE t (x)"),
    "another version's": database("PRAGMA application_id = 1131375942; PRAGMA user_version = 99"),
}


@pytest.mark.parametrize("kind", FOREIGN)
async def test_files_that_are_not_ours(tmp_path: pathlib.Path, kind: str) -> None:
    """Are refused with a sentence, and not changed."""
    path = tmp_path / "fleet.db"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(EngineError, match="another program|not a database") as caught:
        async with SQLiteEngine(path).connect("app"):
            pass
    assert not caught.value.worth_retrying
    with closing(sqlite3.connect(path)) as left:
        if kind != "no database":
            assert left.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] <= 1


async def test_a_folder_that_is_not_there(tmp_path: pathlib.Path) -> None:
    """Is named."""
    with pytest.raises(EngineError, match="No such file"):
        async with SQLiteEngine(tmp_path / "none" / "fleet.db").connect("app"):
            pass


async def test_a_reader_of_another_connection_is_woken(tmp_path: pathlib.Path) -> None:
    """Within about 50 ms, although nothing in its own process was appended."""
    engine = SQLiteEngine(tmp_path / "fleet.db")
    async with engine.connect("app") as writer, engine.connect("app") as reader:
        claimed = await own(writer)
        found: list[int | None] = []

        async def read() -> None:
            (result,) = await reader.read([Read(partition_of("amy", reader.partitions))], wait=60)
            found.extend(entry.id for entry in result.entries)

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await trio.testing.wait_all_tasks_blocked(0.01)
                await writer.append([Append("amy", claimed.word, 1, (LogEvent(1, b"x"),))])
        assert found == [1]


async def test_a_wait_that_runs_out(autojump_clock: trio.testing.MockClock) -> None:
    """Returns nothing, when its time is over and not before."""
    from cometconn.fleet import MemoryEngine

    async with MemoryEngine().connect("app") as connection:
        began = trio.current_time()
        (result,) = await connection.read([Read(0)], wait=7)
        assert not result.entries
        assert trio.current_time() - began == 7


LOOKER = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); print(d.execute('SELECT count(*) FROM accounts').fetchone()[0]); d.close()"


async def test_a_process_that_leaves_does_not_remove_the_log_that_others_write(tmp_path: pathlib.Path) -> None:
    """A second connection in this process keeps the locks of the first, so that no other process believes to be the last."""
    path = tmp_path / "fleet.db"

    async def look() -> int:
        return int(
            (await trio.run_process([sys.executable, "-S", "-c", LOOKER, str(path)], capture_stdout=True)).stdout
        )

    async with SQLiteEngine(path).connect("app") as connection:
        await own(connection)
        async with SQLiteEngine(path).connect("app"):
            assert await look() == 1
        await connection.administration.add([Account("zed")])
        assert await look() == 2
