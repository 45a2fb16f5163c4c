"""The engine of one machine: a database file, which several processes use at once."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Generic, TypeVar, final

import attrs
import trio

from cometconn._account.ordered_thread import OrderedThread
from cometconn._arguments import checked
from cometconn._groups import async_block

from .checks import DEFAULT_PARTITIONS, check_arguments, check_call_timeout
from .encrypted_connection import Keys, encrypted
from .engine import EngineConnection
from .errors import EngineError
from .plain_connection import LeaseCalls, PlainCalls, PlainConnection
from .sqlite_file import engine_error, open_file
from .sqlite_leases import SQLiteLeases
from .sqlite_ledger import SQLiteLedger
from .sqlite_place import boot_id, boot_time, check_file_system, time_namespace

__all__ = ["SQLiteEngine"]

_T = TypeVar("_T")
_Calls = TypeVar("_Calls")
_POLL = 0.05  # seconds: how often a waiting reader looks for entries that other processes appended
_CLOSE_TIMEOUT = 2.0


@final
@checked
class SQLiteEngine:
    """Keeps a fleet in a database file: for any number of processes of one machine. No server is needed.

    The file needs a local file system, and all processes need the same time namespace (which containers share, unless told
    otherwise); everything else is refused. Next to it are SQLite's own files and one with the leases, whose name
    contains `.leases-` and the machine's boot id: after a restart of the machine every lease is over.

    A process that is killed loses nothing. A power cut may lose the last writes, as SQLite's `synchronous = NORMAL` does: of
    owners, sessions, positions and log alike, so that what is missing is fetched again.

    Args:
        path: of the file. It is made if there is none, readable only for you, in a folder that exists.
        keys: encrypt sessions with them: a `KeyRing`, or an async function that returns one. Without keys, sessions are
            readable for all that can read the file.
        encrypt_messages: encrypt the bodies of messages and signals, too. For new fleets only: what is in the log already
            would be unreadable.
        call_timeout: seconds after which a call raises `EngineError`, more than 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        keys: Keys | None = None,
        encrypt_messages: bool = False,
        call_timeout: float = 5.0,
    ) -> None:
        check_call_timeout(call_timeout)
        self._path = Path(path)
        self._keys, self._encrypt_messages = keys, encrypt_messages
        self._call_timeout = call_timeout

    def __repr__(self) -> str:
        return f"SQLiteEngine({str(self._path)!r})"

    @async_block("engine.connect", "connection")
    @asynccontextmanager
    async def connect(self, app_id: str, *, partitions: int | None = None) -> AsyncGenerator[EngineConnection, None]:
        """Give a connection. See `Engine.connect`. Leaving it takes 2 s at most."""
        check_arguments(app_id, partitions)
        files = await _in_thread(
            OrderedThread(),
            self._call_timeout,
            lambda: _Files.prepare(self._path, self._call_timeout, app_id, partitions),
        )
        connection = _SQLiteConnection(files, app_id)
        try:
            yield await encrypted(connection, self._keys, messages=self._encrypt_messages)
        finally:
            await connection.aclose()


@attrs.define(eq=False)
class _Lane(Generic[_Calls]):
    """A thread with database connections of its own, which makes calls one after the other. The first call opens them."""

    _open: Callable[[], tuple[_Calls, tuple[sqlite3.Connection, ...]]]
    _clock: Callable[[], float]
    _call_timeout: float
    _opened: tuple[_Calls, tuple[sqlite3.Connection, ...]] | None = attrs.field(default=None, init=False)
    _thread: OrderedThread = attrs.field(factory=OrderedThread, init=False)

    async def make(self, call: Callable[[_Calls, float], _T]) -> _T:
        """Make a call. If cancelled before it begins, it is not made; otherwise it goes on."""

        def made() -> _T:
            if self._opened is None:
                self._opened = self._open()
            return call(self._opened[0], self._clock())

        return await _in_thread(self._thread, self._call_timeout, made)

    async def aclose(self) -> None:
        """Close the connections after the calls that have begun."""

        def close() -> None:
            _, databases = self._opened or (None, ())
            for database in databases:
                database.close()

        await self._thread.submit(close, "close", _REPLACED).wait()


_REPLACED = frozenset({"call"})


async def _in_thread(thread: OrderedThread, call_timeout: float, function: Callable[[], _T]) -> _T:
    with trio.move_on_after(call_timeout):
        try:
            return await thread.submit(function, "call", _REPLACED).wait()
        except (sqlite3.Error, OSError) as error:
            raise engine_error(error) from error
    message = f"The database file did not respond within {call_timeout:g} s."
    raise EngineError(message)


@attrs.frozen
class _Files:
    """The two database files, checked and prepared."""

    path: Path
    leases_path: Path
    call_timeout: float
    epoch: str
    partitions: int

    @classmethod
    def prepare(cls, path: Path, call_timeout: float, app_id: str, partitions: int | None) -> _Files:
        """Make the files, or check them."""
        check_file_system(path.parent)
        boot = boot_id()
        leases_path = path.with_name(f"{path.name}.leases-{boot}")
        _remove_older(leases_path)
        with closing(open_file(path, patience=call_timeout, synchronous="NORMAL")) as database:
            epoch, count = SQLiteLedger.prepare(database, app_id, partitions, DEFAULT_PARTITIONS)
            SQLiteLedger.check_clock(database, boot, time_namespace())
        with closing(open_file(leases_path, patience=call_timeout, synchronous="OFF")) as database:
            SQLiteLeases.prepare(database)
        return cls(path, leases_path, call_timeout, epoch, count)

    def open_leases(self) -> tuple[SQLiteLeases, tuple[sqlite3.Connection, ...]]:
        """Open the file of the leases."""
        database = open_file(self.leases_path, patience=self.call_timeout, synchronous="OFF")
        return SQLiteLeases(database, self.epoch), (database,)

    def open_ledger(self) -> tuple[SQLiteLedger, tuple[sqlite3.Connection, ...]]:
        """Open both files."""
        leases, databases = self.open_leases()
        try:
            database = open_file(self.path, patience=self.call_timeout, synchronous="NORMAL")
        except BaseException:
            databases[0].close()
            raise
        return SQLiteLedger(database, leases, boot_time, self.partitions), (database, *databases)


def _remove_older(leases_path: Path) -> None:
    """Remove the leases of earlier boots, which are over."""
    own = leases_path.name
    prefix = own.partition(".leases-")[0] + ".leases-"
    for path in leases_path.parent.iterdir():
        if path.name.startswith(prefix) and not path.name.startswith(own):
            with suppress(OSError):
                path.unlink()


class _SQLiteConnection(PlainConnection):
    """Makes the calls in three threads, so that neither leases nor readers wait for writers."""

    _poll = _POLL

    def __init__(self, files: _Files, app_id: str) -> None:
        super().__init__(app_id, files.partitions)
        self._leases: _Lane[LeaseCalls] = _Lane(files.open_leases, boot_time, files.call_timeout)
        self._reads: _Lane[PlainCalls] = _Lane(files.open_ledger, time.time, files.call_timeout)
        self._writes: _Lane[PlainCalls] = _Lane(files.open_ledger, time.time, files.call_timeout)
        self._event = trio.Event()

    async def aclose(self) -> None:
        """Close all files. A call that hangs in the operating system is not waited for longer than 2 s."""
        with trio.move_on_after(_CLOSE_TIMEOUT, shield=True):
            async with trio.open_nursery() as nursery:
                for close in (self._leases.aclose, self._reads.aclose, self._writes.aclose):
                    nursery.start_soon(close)

    async def _make(self, call: Callable[[PlainCalls, float], _T]) -> _T:
        try:
            return await self._writes.make(call)
        finally:
            self._event.set()
            self._event = trio.Event()

    async def _make_read(self, call: Callable[[PlainCalls, float], _T]) -> _T:
        return await self._reads.make(call)

    async def _make_lease(self, call: Callable[[LeaseCalls, float], _T]) -> _T:
        return await self._leases.make(call)

    def _appended(self) -> trio.Event:
        return self._event
