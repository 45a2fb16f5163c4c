"""`cometconn fleet doctor` and database files that cannot be trusted."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import types
from contextlib import closing

import pytest
import trio

from cometconn.cli.fleet import doctor_sqlite
from cometconn.cli.fleet.doctor_checks import Checks
from cometconn.cli.fleet.doctor_sqlite import check_sqlite
from cometconn.fleet import SQLiteEngine
from cometconn.fleet.errors import EngineError

from .doctor_findings import found, make_checks, of


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    made = tmp_path / "fleet.db"

    async def make() -> None:
        async with SQLiteEngine(made).connect("APP"):
            pass

    trio.run(make)
    return made


def diagnosed(path: pathlib.Path, *, usable: bool = True) -> Checks:
    """Run all checks."""
    checks = make_checks()
    assert check_sqlite(checks, path, 5.0) == usable
    return checks


def test_a_healthy_file(path: pathlib.Path) -> None:
    """Every check passes, and nothing stays behind."""
    before = sorted(path.parent.iterdir())
    checks = diagnosed(path)
    assert found(checks).keys() <= {"fsync"}  # the disk of the test may be busy
    assert "journal wal" in of(checks, "database").text
    assert sorted(path.parent.iterdir()) == before


def test_other_users_can_read_it(path: pathlib.Path) -> None:
    """The remedy is a command."""
    path.chmod(0o644)
    checks = diagnosed(path)
    assert found(checks)["permissions"] == "warning"
    assert of(checks, "permissions").advice == f"chmod 600 {path}"


def test_it_cannot_be_written(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user without the right: the tests may run as root, who has every right."""
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    assert found(diagnosed(path))["permissions"] == "failed"


def test_it_is_damaged(path: pathlib.Path) -> None:
    """SQLite's own check finds it; so it does a file of something else."""
    with path.open("r+b") as file:
        file.seek(4096 + 8)
        file.write(b"\xff" * 8192)
    assert found(diagnosed(path, usable=False))["database"] == "failed"
    path.write_bytes(b"no database, " * 100)
    assert "not a database" in of(diagnosed(path, usable=False), "database").text


def test_it_is_locked(path: pathlib.Path) -> None:
    """It is not called damaged."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        checks = make_checks()
        assert not check_sqlite(checks, path, 0.05)
    assert of(checks, "database").text == "it cannot be read: database is locked"


def test_without_write_ahead_logging(path: pathlib.Path) -> None:
    """As after a program changed it; a worker changes it back."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    assert found(diagnosed(path))["database"] == "warning"


@pytest.mark.parametrize(("free", "verdict"), [(2**31, None), (2**29, "warning"), (2**20, "failed")])
def test_the_disk_is_full(free: int, verdict: str | None, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than 1 GiB is a warning, less than 100 MiB a failure."""
    usage = types.SimpleNamespace(free=free)
    monkeypatch.setattr(doctor_sqlite.shutil, "disk_usage", lambda _folder: usage)
    assert found(diagnosed(path)).get("disk") == verdict


def test_a_slow_disk(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest of ten writes counts; a folder without room is not a crash."""
    clock = iter(range(100))
    monkeypatch.setattr(doctor_sqlite.time, "perf_counter", lambda: float(next(clock)))
    checks = diagnosed(path)
    assert found(checks)["fsync"] == "warning"
    assert "the longest 1000.0 ms" in of(checks, "fsync").text

    def fail(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor_sqlite.os, "fsync", fail)
    assert (of(diagnosed(path), "fsync").verdict.value, of(diagnosed(path), "fsync").text) == (
        "skipped",
        "No space left on device",
    )


def test_a_file_system_of_several_machines(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else about the file matters then."""

    def refuse(_folder: pathlib.Path) -> None:
        raise EngineError("'/mnt' is on nfs4.", worth_retrying=False)

    monkeypatch.setattr(doctor_sqlite, "check_file_system", refuse)
    checks = diagnosed(path, usable=False)
    assert of(checks, "place").text == "'/mnt' is on nfs4."
