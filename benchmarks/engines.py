"""The calls of one engine in a process of its own: `python -m benchmarks.engines KIND WHERE`, one of `KINDS`.

Two kinds are not engines but what lies below them: coredis with a pipeline of commands, and SQLite with an insert. Each line of
the input is a job: the name of a method of `Calls` and its arguments. The result is the time and the CPU time of one item.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import attrs
import trio

from cometconn.fleet import Account, Engine, EngineConnection, Incarnation, Rate, RedisEngine, SQLiteEngine
from cometconn.fleet.values import Append, Appended, Claim, Claimed, LogEvent, Release, Save

from .contenders.stopwatch import Stopwatch
from .frames import message

__all__ = ["BODY", "KINDS", "SESSION", "main"]

_APP = "app0bench"
_ACCOUNTS = 64  # that the appends take turns with, and that are claimed in one call
BODY = message(0)
SESSION = bytes(1_000)
_WITHOUT_LIMIT = Rate(1e9, 1_000_000)
_TTL = 3600.0  # seconds: no lease ends while something is measured


class Calls(Protocol):
    """What is measured: of an engine, or of what lies below it."""

    async def append(self, batch: int) -> None:
        """Append one event to each of *batch* accounts in one call."""
        ...

    async def renew(self) -> None:
        """Renew a lease: the smallest call that writes."""
        ...


@attrs.define(eq=False)
class _OfEngine:
    connection: EngineConnection
    incarnation: Incarnation
    claimed: list[Claimed] = attrs.field(factory=list)
    _sequence: int = 0
    _turn: int = 0

    async def append(self, batch: int) -> None:
        self._sequence += 1
        number = self._sequence
        mine = [self.claimed[(self._turn + place) % len(self.claimed)] for place in range(batch)]
        self._turn += batch
        events = (LogEvent(number, BODY),)
        appends = [Append(each.key, each.word, number, events) for each in mine]
        for result in await self.connection.append(appends):
            assert isinstance(result, Appended), result
            assert result.appended == 1, result

    async def renew(self) -> None:
        await self.connection.lease(self.incarnation, _TTL)

    async def admit(self) -> None:
        await self.connection.admit(_WITHOUT_LIMIT)

    async def claim(self, count: int) -> None:
        """Claim *count* accounts in one call, and give them back, which is not measured."""
        given = await self.connection.claim(self.incarnation, [Claim(f"other-{number}") for number in range(count)])
        releases = [Release(each.key, each.word) for each in given if isinstance(each, Claimed)]
        assert len(releases) == count, given
        await self.connection.release(releases)

    async def settle(self, accounts: int) -> None:
        """Add accounts, claim them, and save a session of 1,000 bytes for each."""
        uids = [f"settled-{number}" for number in range(accounts)]
        await self.connection.administration.add([Account(uid) for uid in uids])
        given = await self.connection.claim(self.incarnation, [Claim(uid) for uid in uids])
        saves = [Save(each.key, each.word, SESSION, 1) for each in given if isinstance(each, Claimed)]
        assert len(saves) == accounts, given
        await self.connection.save(saves)


def _engine(make: Callable[[str], Engine]) -> Callable[[str], AbstractAsyncContextManager[Calls]]:
    @asynccontextmanager
    async def opened(where: str) -> AsyncGenerator[Calls, None]:
        async with make(where).connect(_APP) as connection:
            incarnation = Incarnation("bench")
            await connection.lease(incarnation, _TTL, joining=True)
            uids = [f"user-{number}" for number in range(_ACCOUNTS)]
            await connection.administration.add(
                [Account(uid) for uid in (*uids, *(f"other-{number}" for number in range(_ACCOUNTS)))]
            )
            given = await connection.claim(incarnation, [Claim(uid) for uid in uids])
            yield _OfEngine(connection, incarnation, [each for each in given if isinstance(each, Claimed)])

    return opened


class _BareRedis:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def append(self, batch: int) -> None:
        async with self._client.pipeline(transaction=False) as pipe:
            for number in range(batch):
                pipe.xadd(f"log:{number % 16}", field_values={"u": "user", "i": "1", "b": BODY})

    async def renew(self) -> None:
        await self._client.set("lease", "1", ex=3600)


@asynccontextmanager
async def _bare_redis(where: str) -> AsyncGenerator[Calls, None]:
    import coredis  # noqa: PLC0415 - optional

    async with coredis.Redis(unix_socket_path=where.removeprefix("unix://")) as client:
        yield _BareRedis(client)


class _BareSQLite:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    async def append(self, batch: int) -> None:
        await trio.lowlevel.checkpoint()
        self._database.execute("BEGIN IMMEDIATE")
        rows = [(number % 16, "user", "1", BODY) for number in range(batch)]
        self._database.executemany("INSERT INTO log (partition, uid, id, body) VALUES (?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")

    async def renew(self) -> None:
        await trio.lowlevel.checkpoint()
        self._database.execute("UPDATE lease SET expires = expires + 1")


@asynccontextmanager
async def _bare_sqlite(where: str) -> AsyncGenerator[Calls, None]:
    await trio.lowlevel.checkpoint()
    with contextlib.closing(sqlite3.connect(f"{where}.bare", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("CREATE TABLE log (number INTEGER PRIMARY KEY, partition INT, uid TEXT, id TEXT, body BLOB)")
        database.execute("CREATE TABLE lease (expires REAL)")
        database.execute("INSERT INTO lease VALUES (0)")
        yield _BareSQLite(database)


KINDS: dict[str, Callable[[str], AbstractAsyncContextManager[Calls]]] = {
    "sqlite": _engine(SQLiteEngine),
    "redis": _engine(RedisEngine),
    "bare_sqlite": _bare_sqlite,
    "bare_redis": _bare_redis,
}
"""How each is opened."""


async def _repeat(call: Callable[..., Awaitable[None]], arguments: Sequence[int], seconds: float) -> dict[str, float]:
    """Call for so many seconds. Return the time and the CPU time of an item, and how many items there were."""
    await call(*arguments)
    watch, calls = Stopwatch(), 0
    ends_at = trio.current_time() + seconds
    while trio.current_time() < ends_at:
        await call(*arguments)
        calls += 1
    items = calls * (arguments[0] if arguments else 1)
    return {**watch.read(items), "items": items}


async def _work(kind: str, where: str) -> None:
    async with KINDS[kind](where) as calls:
        print(json.dumps({}), flush=True)  # ready
        async for line in trio.wrap_file(sys.stdin):
            job = json.loads(line)
            call = getattr(calls, job["do"])
            if "seconds" in job:
                answer = await _repeat(call, job.get("of", []), job["seconds"])
            else:
                await call(*job["of"])
                answer = {}
            print(json.dumps(answer), flush=True)


def main() -> None:
    """Do jobs until the input ends."""
    trio.run(_work, *sys.argv[1:])


if __name__ == "__main__":
    main()
