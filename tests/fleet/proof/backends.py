"""The engines under proof: their servers and files, what is done to them from outside, and what is read of them raw."""

from __future__ import annotations

import json
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any, Protocol

from tests.fleet.redis_server import RedisServer, call

from .witness import Entry

__all__ = ["Backend", "RedisBackend", "SQLiteBackend", "make_backend"]

_PREFIX = "{cometconn}:"
_SHIM = pathlib.Path(__file__).with_name("slow_fsync.c")


class Backend(Protocol):
    """An engine, and the witness' own view of it."""

    engine: dict[str, Any]
    environment: dict[str, str]

    def running(self) -> AbstractContextManager[Any]:
        """Run its server, if it has one."""
        ...

    def owners(self) -> dict[str, str]:
        """Return the name of the worker that owns each account."""
        ...

    def log(self) -> list[Entry]:
        """Return the messages in the log, in the order of each partition."""
        ...

    def holes(self) -> int:
        """Return how many holes are recorded."""
        ...


def _entry(uid: str, number: str, at: float, place: str, body: bytes) -> Entry:
    """Return an entry, after a look into its body: it has to be the message with this id, for this account."""
    message = json.loads(body)["message"]
    if str(message["id"]) != number or message["receiver"] != uid:
        raise ValueError(f"the body of {uid} {number} is that of another message: {body[:200]!r}")
    return Entry(uid, int(number), at, place)


class RedisBackend:
    """A Redis server with an append-only file that is flushed every second."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder / "redis"
        self._folder.mkdir()
        options = ("--appendonly", "yes", "--appendfsync", "everysec", "--aof-load-truncated", "yes")
        self.server = RedisServer(self._folder, *options, "--logfile", str(folder / "redis.log"))
        self.engine = {"url": self.server.url}
        self.environment: dict[str, str] = {}

    def running(self) -> AbstractContextManager[Any]:
        return self.server.running()

    def _call(self, *arguments: str) -> Any:
        return call(self.server.socket, *arguments)

    def owners(self) -> dict[str, str]:
        found = self._call("HGETALL", f"{_PREFIX}owners:workers")
        return {uid.decode(): word.decode().split("~")[0] for uid, word in zip(found[::2], found[1::2], strict=True)}

    def log(self) -> list[Entry]:
        entries = []
        for name in sorted(self._call("KEYS", f"{_PREFIX}log:*")):
            for place, values in self._call("XRANGE", name.decode(), "-", "+"):
                fields = dict(zip(values[::2], values[1::2], strict=True))
                if fields[b"i"]:
                    at = int(place.split(b"-")[0]) / 1000
                    uid, number = fields[b"u"].decode(), fields[b"i"].decode()
                    entries.append(_entry(uid, number, at, f"{name.decode()} {place.decode()}", fields[b"b"]))
        return entries

    def holes(self) -> int:
        return int(self._call("XLEN", f"{_PREFIX}holes"))

    # Faults.

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        assert self.server.process is not None
        self.server.process.send_signal(number)

    def _appended(self) -> pathlib.Path:
        """Return the newest part of the append-only file."""
        parts = self._folder.glob("appendonlydir/*.incr.aof")
        return max(parts, key=lambda path: int(path.name.split(".")[-3]))

    def mark(self) -> int:
        """Return how much is in the append-only file."""
        return self._appended().stat().st_size

    def cut(self, mark: int, draw: random.Random) -> None:
        """Kill the server, and let it lose what it wrote since *mark*: sometimes in the middle of a command."""
        self.server.stop()
        path = self._appended()
        size = min(path.stat().st_size, mark + draw.choice([0, 0, draw.randrange(1, 500)]))
        with path.open("r+b") as file:
            file.truncate(size)

    def rewrite(self) -> None:
        """Write the append-only file anew: what a torn one has left must not be in the next start's way."""
        self._call("BGREWRITEAOF")


class SQLiteBackend:
    """A database file. With *slow*, each fsync of it can be delayed, if there is a C compiler."""

    def __init__(self, folder: pathlib.Path, *, slow: bool) -> None:
        self._path = folder / "fleet.db"
        self._flag = folder / "slow"
        self.engine = {"path": str(self._path)}
        self.environment: dict[str, str] = {}
        if slow:
            library = folder / "slow_fsync.so"
            compiler = shutil.which("cc") or shutil.which("gcc")
            if compiler is None:
                raise RuntimeError("a C compiler is needed to delay fsync")
            subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(_SHIM), "-ldl"], check=True)
            self.environment = {"LD_PRELOAD": str(library), "SLOW_FSYNC": str(self._flag), "SLOW_FILE": self._path.name}

    def running(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(query).fetchall()

    def owners(self) -> dict[str, str]:
        rows = self._rows("SELECT key, word FROM owners WHERE \"group\" = 'workers' AND word IS NOT NULL")
        return {uid: word.split("~")[0] for uid, word in rows}

    def log(self) -> list[Entry]:
        rows = self._rows("SELECT uid, id, at, number, body FROM log WHERE id IS NOT NULL ORDER BY number")
        return [_entry(uid, number, at, str(place), body) for uid, number, at, place, body in rows]

    def holes(self) -> int:
        return len(self._rows("SELECT number FROM holes"))

    # Faults.

    def slow_down(self, seconds: float) -> None:
        """Let each fsync of the ledger take so many seconds; 0: as long as it takes."""
        if seconds:
            self._flag.write_text(str(seconds), encoding="ascii")
        else:
            self._flag.unlink(missing_ok=True)

    def slowed(self) -> int:
        """Return how many fsyncs were delayed."""
        count = self._flag.with_name(f"{self._flag.name}.count")
        return count.stat().st_size if count.exists() else 0


def make_backend(kind: str, folder: pathlib.Path) -> RedisBackend | SQLiteBackend:
    """Return a backend: `redis`, `sqlite` or `slow sqlite`."""
    return RedisBackend(folder) if kind == "redis" else SQLiteBackend(folder, slow=kind.startswith("slow"))
