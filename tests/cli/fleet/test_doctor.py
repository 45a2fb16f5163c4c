"""`cometconn fleet doctor` as a command: what it prints, and its exit status."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import trio

from cometconn.cli.fleet.doctor import doctor
from cometconn.cli.fleet.engine_options import EngineOptions
from cometconn.errors import SettingsError
from cometconn.fleet import Account, Incarnation, SQLiteEngine
from tests.fleet import redis_server as servers


async def ran(capsys: pytest.CaptureFixture[str], engine: str, **options: Any) -> tuple[int, str]:
    """Run it; return the status and the output."""
    given = {"as_json": False, "timeout": 5.0} | options
    with trio.fail_after(60):
        status = await doctor(EngineOptions(app_id="APP", engine=engine), **given)
    return status, capsys.readouterr().out


async def test_a_file(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """First the engine, then the fleet; 0 while there are only warnings, 5 for an account without an owner."""
    path = tmp_path / "fleet.db"
    async with SQLiteEngine(path).connect("APP") as connection:
        status, text = await ran(capsys, str(path))
        assert status == 0
        assert text.splitlines()[0] == f"sqlite:{path}"
        assert "\nfleet\n" in text
        assert "Nothing is wrong." in text or "Look at: fsync" in text
        await connection.lease(Incarnation("w1"), 60.0, joining=True)
        await connection.administration.add([Account("[bold]amy[/bold]")])
        status, text = await ran(capsys, str(path))
        assert status == 5
        assert "  failed   owners           1 of 1 accounts have none: [bold]amy[/bold]\n" in text
        assert text.endswith("Failed: owners\n")
        status, text = await ran(capsys, str(path), as_json=True)
        report = json.loads(text)
        assert (status, report["status"], report["ok"]) == (5, 5, False)
        (failed,) = (check for check in report["checks"] if check["verdict"] == "failed")
        assert failed.keys() == {"part", "title", "verdict", "text", "why", "advice"}


async def test_a_file_that_is_none(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged one fails, and the fleet in it is not read; another program's cannot be used; without one there is an error."""
    path = tmp_path / "fleet.db"
    with pytest.raises(SettingsError, match="There is no fleet in"):
        await ran(capsys, str(path))
    path.write_bytes(b"no database, " * 100)
    status, text = await ran(capsys, str(path))
    assert (status, "Failed: database" in text, "fleet\n" in text.splitlines()) == (4, True, False)
    import sqlite3
    from contextlib import closing

    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (x)")
    status, text = await ran(capsys, str(path))
    assert (status, "made by another program" in text) == (4, True)
    with pytest.raises(SettingsError, match="--timeout"):
        await ran(capsys, str(path), timeout=0.0)


@pytest.mark.skipif(servers.PROGRAM is None, reason="redis-server is not installed")
async def test_a_redis(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an append-only file it fails; a namespace without a fleet stays empty; a dead one is unreachable."""
    with servers.RedisServer(tmp_path).running() as server:
        status, text = await ran(capsys, server.url)
        assert status == 4
        assert "  failed   persistence      no append-only file\n" in text
        assert "no fleet yet" in text
        assert "workers" not in text
        assert servers.call(server.socket, "KEYS", "*") == []
        servers.call(server.socket, "CONFIG", "SET", "appendonly", "yes")
        await trio.to_thread.run_sync(_make_fleet, server)
        status, text = await ran(capsys, server.url)
        assert (status, "0 of 0 accounts are owned" in text) == (0, True)
    status, text = await ran(capsys, server.url)
    assert (status, "Failed: reachable" in text) == (3, True)


def _make_fleet(server: servers.RedisServer) -> None:
    servers.call(server.socket, "HSET", "{cometconn}:meta", "app_id", "APP", "partitions", "16", "epoch", "e")
