"""Every engine in a test: how to make it, to let time pass for its leases, and to let it forget its last writes."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from cometconn.fleet import Engine, MemoryEngine, RedisEngine, SQLiteEngine
from cometconn.fleet.gcra import Bucket

from .redis_server import RedisServer, call

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

__all__ = ["ENGINES", "EngineUnderTest", "MemoryUnderTest", "RedisUnderTest", "SQLiteUnderTest", "make"]


class EngineUnderTest(Protocol):
    """An engine, and what a test does to it from outside."""

    engine: Engine
    forgets_leases: bool

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

    forgets_leases = True

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

    forgets_leases = False

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


_ADVANCE = """
for _, name in ipairs(redis.call('KEYS', KEYS[1] .. 'members:*')) do
  for _, member in ipairs(redis.call('ZRANGE', name, 0, -1)) do
    redis.call('ZINCRBY', name, '-' .. ARGV[1], member)
  end
end
if redis.call('EXISTS', KEYS[1] .. 'bucket') == 1 then
  redis.call('HINCRBYFLOAT', KEYS[1] .. 'bucket', 'next_free', '-' .. ARGV[1])
  redis.call('HINCRBYFLOAT', KEYS[1] .. 'bucket', 'throttled_at', '-' .. ARGV[1])
end
"""


class RedisUnderTest:
    """`RedisEngine`, with a namespace of its own in a server that several tests share."""

    forgets_leases = True

    def __init__(self, server: RedisServer) -> None:
        self._socket = server.socket
        namespace = secrets.token_hex(8)
        self.engine = RedisEngine(server.url, namespace=namespace)
        self._prefix = f"{{{namespace}}}:"

    async def advance(self, seconds: float) -> None:
        call(self._socket, "EVAL", _ADVANCE, "1", self._prefix, str(seconds))

    async def remember(self) -> Any:
        keys = call(self._socket, "KEYS", f"{self._prefix}*")
        return {key: call(self._socket, "DUMP", key) for key in keys}

    async def forget(self, copy: Any) -> None:
        for key in call(self._socket, "KEYS", f"{self._prefix}*"):
            call(self._socket, "DEL", key)
        for key, dumped in copy.items():
            call(self._socket, "RESTORE", key, "0", dumped)


ENGINES = ("memory", "sqlite", "redis")


def make(kind: str, folder: pathlib.Path, server: Callable[[], RedisServer]) -> EngineUnderTest:
    """Return an engine of a kind. *server* returns the Redis server that tests share."""
    match kind:
        case "memory":
            return MemoryUnderTest()
        case "sqlite":
            return SQLiteUnderTest(folder / "fleet.db")
    return RedisUnderTest(server())
