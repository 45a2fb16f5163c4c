"""Every engine in a test: how to make it, to let time pass for its leases, and to let it forget its last writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from cometconn.fleet import Engine, MemoryEngine, SQLiteEngine
from cometconn.fleet.gcra import Bucket

if TYPE_CHECKING:
    import pathlib

__all__ = ["ENGINES", "EngineUnderTest", "MemoryUnderTest", "SQLiteUnderTest", "make"]


class EngineUnderTest(Protocol):
    """An engine, and what a test does to it from outside."""

    engine: Engine

    async def advance(self, seconds: float) -> None:
        """Let so much time pass for the leases, on the engine's clock."""
        ...

    async def remember(self) -> Any:
        """Return a copy of everything that the engine keeps, but for leases where they are kept apart."""
        ...

    async def forget(self, copy: Any) -> None:
        """Put the engine back to an earlier copy."""
        ...


class MemoryUnderTest:
    """`MemoryEngine`."""

    def __init__(self) -> None:
        self.engine = MemoryEngine()

    async def advance(self, seconds: float) -> None:
        state = self.engine.state()
        assert state is not None
        for members in state._members.values():
            for holder in members.values():
                holder.expires -= seconds
        bucket = state._bucket
        state._bucket = Bucket(bucket.next_free - seconds, bucket.factor, bucket.throttled_at - seconds)
        self.engine.restore(state)

    async def remember(self) -> Any:
        return self.engine.state()

    async def forget(self, copy: Any) -> None:
        self.engine.restore(copy)


class SQLiteUnderTest:
    """`SQLiteEngine`, whose leases are made to end earlier."""

    def __init__(self, path: pathlib.Path) -> None:
        self.engine = SQLiteEngine(path)
        self._path = path

    async def advance(self, seconds: float) -> None:
        (leases,) = (each for each in self._path.parent.glob("*.leases-*") if not each.name.endswith(("-wal", "-shm")))
        with closing(sqlite3.connect(leases)) as database, database:
            database.execute("UPDATE members SET expires = expires - ?", (seconds,))
            database.execute(
                "UPDATE bucket SET next_free = next_free - ?, throttled_at = throttled_at - ?", (seconds,) * 2
            )

    async def remember(self) -> Any:
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with closing(sqlite3.connect(self._path)) as database:
            database.backup(copy)
        return copy

    async def forget(self, copy: Any) -> None:
        with closing(sqlite3.connect(self._path)) as database:
            copy.backup(database)


ENGINES = ("memory", "sqlite")


def make(kind: str, folder: pathlib.Path) -> EngineUnderTest:
    """Return an engine of a kind."""
    return MemoryUnderTest() if kind == "memory" else SQLiteUnderTest(folder / "fleet.db")
