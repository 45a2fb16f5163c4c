"""Opening a database file, and transactions on it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cometconn._network.os_errors import os_error_text

from .errors import EngineError

__all__ = ["engine_error", "open_file", "transaction"]

_PRIVATE = 0o600  # it contains sessions
_MAKING = threading.Lock()


def open_file(path: Path, *, patience: float, synchronous: str) -> sqlite3.Connection:
    """Open or make a database file, which only its owner may read, in WAL mode.

    Args:
        path: of the file.
        patience: how many seconds to wait for the locks of other processes.
        synchronous: `OFF` or `NORMAL`.
    """
    _make(path)
    # One thread at a time uses it, but not always the same one.
    database = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        database.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        database.close()
        raise
    if mode != "wal":
        database.close()
        message = f"SQLite cannot use write-ahead logging for {str(path)!r}: use a local file system."
        raise EngineError(message, worth_retrying=False)
    return database


def _make(path: Path) -> None:
    """Make the file if there is none.

    A file that exists is not opened: closing it would drop all locks that SQLite has on it for this process (POSIX). Then
    another process that closes it believes to be the last one, and removes the write-ahead log that is in use here.
    """
    with _MAKING, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))


@contextmanager
def transaction(database: sqlite3.Connection) -> Generator[sqlite3.Connection, None, None]:
    """Make everything in the block one atomic step, which sees the writes of all earlier ones."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def engine_error(error: sqlite3.Error | OSError) -> EngineError:
    """Return the public error for a failure of the database file."""
    is_broken = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
    reason = os_error_text(error) if isinstance(error, OSError) else str(error)
    return EngineError(f"The engine's database file failed: {reason}.", worth_retrying=not is_broken)
