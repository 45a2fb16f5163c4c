"""The question about fleets: the calls of the engines, small crowds, and the arithmetic on made-up figures."""

from __future__ import annotations

import math
import pathlib
import time
from typing import Any, ClassVar, Self

import attrs
import pytest
import trio

from benchmarks import bench_fleet, engines, fleet_scale
from benchmarks.fleet_scale import Load, Scale
from benchmarks.process import LeftOutError, Process
from benchmarks.redis_process import RedisProcess
from benchmarks.run import Run

LOAD = Load(200.0, [0.01] * 99 + [0.03], 0, 2e-4, 5e-5, 1e-4)
FLEET = Scale(100, 2, 4.0, 61_440.0, 2e-4, [LOAD], engine_memory=2_048.0, engine_idle=0.01, takeover=6.0, moved=50)
CLIENTS = Scale(50, 1, 2.0, 40_960.0, 1e-4, [attrs.evolve(LOAD, cpu=1e-4)])


@pytest.mark.parametrize("kind", engines.KINDS)
async def test_every_call_of_an_engine_can_be_repeated(kind: str, tmp_path: pathlib.Path) -> None:
    """As often as there is time for; each append is new, and each claim succeeds, or the engine's result is refused."""
    where, server = str(tmp_path / "engine.db"), None
    if "redis" in kind:
        try:
            server = RedisProcess().__enter__()
        except LeftOutError as reason:
            pytest.skip(str(reason))
        where = server.url
    try:
        async with engines.KINDS[kind](where) as calls:
            for batch in (1, 64):
                reading = await engines._repeat(calls.append, [batch], 0.01)
                assert reading["items"] % batch == 0
                assert reading["cpu"] > 0
            assert (await engines._repeat(calls.renew, [], 0.01))["seconds"] > 0
            if isinstance(calls, engines._OfEngine):
                await engines._repeat(calls.admit, [], 0.01)
                await engines._repeat(calls.claim, [64], 0.01)
                await calls.settle(10)
        if server is not None:
            assert server.cpu > 0
            full = server.memory
            server.empty()
            assert server.memory < full
    finally:
        if server is not None:
            server.close()


def test_a_missing_redis_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; everything else is measured."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(bench_fleet, "_engines", lambda _, redis, __: [redis])
    monkeypatch.setattr(bench_fleet, "_whole", lambda _, redis, __: [redis])
    run = Run()
    assert bench_fleet.measure(run) == [None, None]
    assert run.left_out == ["RedisEngine: redis-server is not installed"]


def test_an_engine_is_divided_by_what_lies_below_it() -> None:
    """All CPU time, that of the process and that of Redis, and a row for each call that was measured."""
    reading = {"seconds": 1e-4, "cpu": 3e-5, "engine": 1e-5, "items": 10}
    below = {"seconds": 5e-5, "cpu": 1e-5, "engine": 1e-5, "items": 10}
    taken = {"redis, append 8": [reading] * 3, "bare_redis, append 8": [below] * 3}
    taken |= {"sqlite, claim": [reading], "bare_sqlite, renew": [below]}
    first, second = bench_fleet.engine_rows(taken)
    assert (first.against, first.ratio) == ("coredis, XADD pipelined", pytest.approx(2.0))
    assert first.case.startswith(
        "RedisEngine, events appended, 8 a call: 30.0 / 10.0 us of CPU in the process, 10.0 / 10.0"
    )
    assert "10,000 / 20,000 a second" in first.case
    assert second.against == "sqlite3, UPDATE"


def test_a_fleet_is_divided_by_the_same_clients() -> None:
    """And its takeover by what is promised."""
    rows = bench_fleet.scale_rows(FLEET, CLIENTS, "RedisEngine")
    assert [row.ratio for row in rows] == pytest.approx([2.0, 1.5, 2.0, 2.0, 1.0, 1.0, 0.6])
    assert [row.goal for row in rows] == [None] * 6 + ["<= 1"]
    assert "60.0 / 40.0 KiB in the process, 2.0 in Redis" in rows[1].case
    assert "its 50 accounts are connected again after 6.0 s" in rows[6].case
    assert bench_fleet.scale_rows(FLEET, None, "RedisEngine") == rows[6:]


def test_a_rate_is_sustained_if_its_messages_are_recorded_in_time() -> None:
    """All of them, and 99 % within a second."""
    assert LOAD.is_sustained
    assert not attrs.evolve(LOAD, missing=1).is_sustained
    assert not attrs.evolve(LOAD, late=[2.0] * 100).is_sustained
    assert attrs.evolve(LOAD, late=[]).p99 == math.inf
    slow = attrs.evolve(LOAD, rate=400.0, missing=3)
    assert attrs.evolve(FLEET, loads=[LOAD, slow]).sustained == 200.0
    assert attrs.evolve(FLEET, loads=[slow]).sustained == 0.0


def test_clients_connect_and_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process without a fleet, over real sockets."""
    monkeypatch.setattr(fleet_scale, "_SETTLE", 0.1)
    monkeypatch.setattr(fleet_scale, "_IDLE", 0.1)
    monkeypatch.setattr(fleet_scale, "_SENDING", 0.2)
    scale = fleet_scale.run_clients(2, 4)
    assert scale.connected > 0
    (load,) = scale.loads
    assert (load.rate, load.missing, len(load.late)) == (50.0, 0, 10)
    assert 0 < load.p99 < 5


def test_a_worker_connects_and_records(tmp_path: pathlib.Path) -> None:
    """What the emulator sends is recorded, and its age is known."""
    where = tmp_path / "fleet.db"
    with Process("benchmarks.fleet_server", 2) as server:
        port = server.greeting["port"]
        with Process("benchmarks.fleet_member", "worker", "w1", port, where) as member:
            trio.run(fleet_scale._add, fleet_scale.SQLiteEngine(where), 2)
            assert server.ask(do="connected", count=2, patience=60.0)["at"] <= time.monotonic()
            assert server.ask(do="send", rate=100.0, seconds=0.04)["sent"] == 4
            late: list[float] = []
            deadline = time.monotonic() + 30.0
            while len(late) < 4 and time.monotonic() < deadline:
                late += member.ask(do="taken")["late"]
            assert len(late) == 4
            assert min(late) > 0
            state = member.ask(do="state")
            assert (state["owned"], state["leases_lost"]) == (2, 0)
            assert state["memory"] > 2**20
            assert member.ask(do="usage")["cpu"] > 0
            with pytest.raises(LeftOutError, match="2 of 3 accounts are connected after 0 s"):
                server.ask(do="connected", count=3, patience=0.0)


class Answering:
    """A process that answers every job at once."""

    greeting: ClassVar = {"port": 1, "memory": 1_000}
    lost = 0
    closed: ClassVar[list[str]] = []

    def __init__(self, module: str, *arguments: object) -> None:
        self._name = " ".join(map(str, (module, *arguments)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        pass

    def close(self) -> None:
        """Note that it was killed."""
        self.closed.append(self._name)

    def ask(self, *, do: str, **job: Any) -> dict[str, Any]:
        """Do a job."""
        return {
            "usage": {"cpu": 1.0},
            "state": {"memory": 5_000, "owned": 2, "leases_lost": self.lost},
            "connected": {"at": time.monotonic()},
            "send": {"sent": 2},
            "taken": {"late": [0.1]},
        }[do]


def test_one_of_the_workers_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And lost leases make the figures worthless, so they are left out."""
    monkeypatch.setattr(fleet_scale, "Process", Answering)
    monkeypatch.setattr("trio.run", lambda *_: None)
    monkeypatch.setattr(fleet_scale, "_SETTLE", 0.0)
    monkeypatch.setattr(fleet_scale, "_IDLE", 0.0001)
    Answering.closed.clear()
    scale = fleet_scale.run_workers("fleet.db", None, 4, 2, quick=False, tell=lambda _, __: None)
    assert Answering.closed == ["benchmarks.fleet_member worker w1 1 fleet.db"]
    assert (scale.moved, scale.memory, scale.loads[0].missing) == (2, 2_000.0, 0)
    quick = fleet_scale.run_workers("fleet.db", None, 4, 2, quick=True, tell=lambda _, __: None)
    assert (quick.moved, quick.loads) == (2, [])
    assert bench_fleet._whole(Run(quick=True), None, pathlib.Path())[0].goal == "<= 1"
    monkeypatch.setattr(Answering, "lost", 3)
    run = Run(quick=True)
    assert bench_fleet._whole(run, None, pathlib.Path()) == []
    assert run.left_out == ["100 accounts on 2 workers: the machine is too busy: workers have lost 3 leases"]
