"""A fleet of real processes, of which one is killed and one drained. `nox -s fleet` does much more of it."""

from __future__ import annotations

import pathlib
import sys

import pytest
import trio

from tests.fleet.redis_server import PROGRAM

from .report import Report
from .scenarios import drained, killed
from .stage import Setup, open_stage

SHORT = {"lease_ttl": 2.0, "reconcile_every": 0.2}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SQLiteEngine and SIGKILL need Linux")


@pytest.mark.parametrize("engine", ["redis", "sqlite"])
async def test_a_kill_and_a_drain(engine: str, tmp_path: pathlib.Path) -> None:
    """Three workers, of which one is killed and another one drained: every goal is met."""
    if engine == "redis":
        pytest.importorskip("coredis")
        if PROGRAM is None:
            pytest.skip("redis-server is not installed")
    report = Report()
    setup = Setup(engine=engine, workers=3, accounts=12, fleet=SHORT)
    with trio.fail_after(120):
        async with open_stage("test", setup, tmp_path, report, seed=1) as stage:
            await killed(stage, stage.workers["w0"])
            await drained(stage, stage.workers["w1"])
            await stage.finish()
    assert report.missed == [], report.table()
    assert {row.what for row in report.rows} >= {"takeover after a kill", "takeover after SIGTERM", "log: lost"}
