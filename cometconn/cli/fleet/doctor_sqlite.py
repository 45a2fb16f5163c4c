"""`cometconn fleet doctor`: whether a database file, its folder and its disk can be trusted with a fleet."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cometconn._network.os_errors import os_error_text
from cometconn.fleet.errors import EngineError
from cometconn.fleet.sqlite_place import boot_id, check_file_system, file_system, time_namespace

if TYPE_CHECKING:
    from .doctor_checks import Checks

__all__ = ["check_sqlite"]

_WRITES = 10
_SLOW_FSYNC = 0.5  # seconds
_LITTLE_SPACE, _NO_SPACE = 2**30, 100 * 2**20  # bytes
_MANY_PAGES = 262_144  # a file of 1 GiB, whose check would take too long


def check_sqlite(checks: Checks, path: Path, patience: float) -> bool:
    """Make all checks. Blocks: run it in a thread. Return whether the file can be used.

    Args:
        checks: get the results.
        path: of the file, which exists.
        patience: seconds to wait for the locks of other processes.
    """
    usable = _place(checks, path)
    _permissions(checks, path)
    _disk(checks, path.parent)
    return _database(checks, path, patience) and usable


def _place(checks: Checks, path: Path) -> bool:
    folder = path.parent
    try:
        check_file_system(folder)
        boot, namespace = boot_id(), time_namespace()
    except EngineError as error:
        checks.fail(
            "place",
            error.message,
            "Locks and shared memory do not work between machines, and each of them has another clock for the leases.",
            "Put the file on a local disk; for several machines use Redis.",
        )
        return False
    checks.ok("place", f"{path}, on {file_system(folder)}")
    checks.ok("clock", f"boot {boot[:8]}, {namespace}: leases of earlier boots are over")
    return True


def _permissions(checks: Checks, path: Path) -> None:
    folder, mode = path.parent, stat.S_IMODE(path.stat().st_mode)
    if not os.access(folder, os.W_OK | os.X_OK) or not os.access(path, os.R_OK | os.W_OK):
        checks.fail(
            "permissions",
            f"this user cannot write to {folder if os.access(path, os.W_OK) else path}",
            "SQLite makes files beside the database.",
            "Run the doctor as the user of the workers, or correct the owner of the folder.",
        )
    elif mode & 0o077:
        checks.warn(
            "permissions",
            f"{mode:04o}: other users can read the file",
            "It contains the sessions of all accounts, and what they received.",
            f"chmod 600 {path}",
        )
    else:
        checks.ok("permissions", f"{mode:04o}")


def _disk(checks: Checks, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free"
    why = "When it is full, nothing is recorded, and leases are lost."
    advice = "Make room, or shorten the log (FleetSettings.retention, --retention)."
    if free < _NO_SPACE:
        checks.fail("disk", text, why, advice)
    elif free < _LITTLE_SPACE:
        checks.warn("disk", text, why, advice)
    else:
        checks.ok("disk", text)
    try:
        took = _fsync_times(folder)
    except OSError as error:
        checks.skip("fsync", os_error_text(error))
        return
    text = f"{len(took)} writes: half within {took[len(took) // 2] * 1000:.1f} ms, the longest {took[-1] * 1000:.1f} ms"
    if took[-1] > _SLOW_FSYNC:
        checks.warn(
            "fsync",
            text,
            "Appends wait for it, and what is received waits for the appends. Leases are in a file of their own.",
            "Use a faster disk, or one that other programs do not keep busy.",
        )
    else:
        checks.ok("fsync", text)


def _fsync_times(folder: Path) -> list[float]:
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_WRITES):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return sorted(took)


def _database(checks: Checks, path: Path, patience: float) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=patience)) as database:
            (mode,) = database.execute("PRAGMA journal_mode").fetchone()
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            found = ["ok"]
            if pages <= _MANY_PAGES:
                found = [row for (row,) in database.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError as error:
        checks.fail(
            "database",
            f"it cannot be read: {error}",
            "No worker can use it.",
            "See the permissions above; or does another program hold a lock on it?",
        )
        return False
    except sqlite3.Error as error:
        found, mode, pages = [str(error)], "?", 0
    if found != ["ok"]:
        checks.fail(
            "database",
            f"damaged: {'; '.join(found)[:200]}",
            "No worker can use it.",
            "Restore a copy; what is missing in it is fetched from CometChat. Look for errors of the disk (dmesg).",
        )
        return False
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    text = f"SQLite {sqlite3.sqlite_version}, {size / 2**20:.1f} MiB, journal {mode}"
    if mode != "wal":
        checks.warn(
            "database",
            text,
            "Without write-ahead logging readers and writers wait for each other.",
            "Start a worker: it turns it on.",
        )
    else:
        checks.ok("database", text + ("" if pages <= _MANY_PAGES else "; too large to be checked here"))
    return True
