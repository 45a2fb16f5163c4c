"""A small crowd, its server, and the commands to it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import pytest

from benchmarks import crowds
from benchmarks.process import LeftOutError, Process
from benchmarks.run import PLAIN, Run, Way


@pytest.mark.parametrize("kind", ["ours", "ours_saved", "trio_websocket"])
def test_a_crowd_connects_receives_and_reports(kind: str) -> None:
    """What comes later has other ids, or ours would take it for duplicates."""
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", kind) as crowd:
        port = server.greeting["port"]
        assert crowd.ask(do="gather", port=port, clients=2)["cpu"] > 0
        assert crowd.ask(do="gather", port=port, clients=1)["seconds"] > 0
        assert crowd.ask(do="ping")["bytes"] >= 0
        for _ in range(2):
            assert crowd.ask(do="expect", count=12) == {}
            pushed = server.ask(push=2, times=2)
            assert pushed["told"] == 3
            assert crowd.ask(do="received")["at"] > pushed["at"]
        assert crowd.ask(do="usage")["cpu"] > 0
        if kind == "ours":
            late = crowd.ask(do="lateness", port=port, samples=4)["late"]
            assert len(late) == 4
            assert min(late) >= 0
            assert crowd.ask(do="uncollected") == crowd.ask(do="settle") == {}
        with pytest.raises(LeftOutError, match="open files"):
            crowd.ask(do="gather", port=port, clients=10**9)


def test_questions_share_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gathered once a run, and again for another run."""
    gathered: list[int] = []

    def gather(run: Run, clients: int, way: Way, tell: object) -> crowds.Gathered:
        gathered.append(clients)
        return crowds.Gathered({}, {})

    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run(quick=True)
    tls = Way(", TLS", {"made": "up"})
    assert crowds.gathered(run, 1_000, tls) == crowds.gathered(run, 1_000, tls)
    assert gathered == [1_000] * crowds.QUICK_ROUNDS[1_000]
    gathered.clear()
    crowds.gathered(Run(), 5_000, PLAIN)
    assert gathered == [5_000] * crowds.ROUNDS[5_000]


def test_the_small_crowd_of_a_quick_run_is_the_beginning_of_the_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the large one cannot be gathered, it is a crowd of its own."""
    gathered: list[int] = []
    most = 5_000

    def gather(run: Run, clients: int, way: Way, tell: object) -> crowds.Gathered:
        gathered.append(clients)
        if clients > most:
            raise LeftOutError("too many open files")
        return crowds.Gathered({}, {}, smaller=small if clients == 5_000 else None)

    small = crowds.Gathered({"bytes": 1.0}, {"bytes": 2.0})
    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run(quick=True)
    assert crowds.gathered(run, 1_000, PLAIN) == [small]
    assert len(crowds.gathered(run, 5_000, PLAIN)) == 1
    assert gathered == [5_000]
    most, run = 1_000, Run(quick=True)
    assert crowds.gathered(run, 1_000, PLAIN) == [crowds.Gathered({}, {})]
    assert gathered == [5_000, 5_000, 1_000]
    assert run.left_out == ["5,000 clients: too many open files"]


def test_a_crowd_that_cannot_be_gathered_leaves_its_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, once."""

    def gather(run: Run, clients: int, way: Way, tell: object) -> crowds.Gathered:
        raise LeftOutError("too many open files")

    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run()
    assert crowds.gathered(run, 5_000, PLAIN) == crowds.gathered(run, 5_000, PLAIN) == []
    assert run.left_out == ["5,000 clients: too many open files"]


def test_only_the_large_crowd_measures_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times alone, among them once they ping, without collections, and when all has settled; and among silent ones.

    A quick run leaves out what has no goal: logins, and the leases when all has settled and among silent clients.
    """
    asked: list[tuple[str, object]] = []

    class Answering:
        greeting: ClassVar = {"port": 1}

        def __init__(self, module: str, *arguments: object, environment: object = None) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *details: object) -> None:
            pass

        def ask(self, *, do: str = "push", **job: object) -> dict[str, float]:
            asked.append((do, job.get("after", job.get("clients"))))
            return {"bytes": 7.0} if do == "ping" else {"cpu": 1.0 if job.get("clients") == 100 else 2.0}

    monkeypatch.setattr(crowds, "Process", Answering)
    monkeypatch.setattr(crowds, "grow", lambda *_: asked.append(("grow", None)) or ({}, {}))
    crowds._gather(Run(), 5_000, PLAIN, lambda _, __: None)
    leases, later, pings = [("lateness", 0.0)] * 3, [("lateness", 15.0)] * 3, [("ping", None)] * 3
    off, settled, grown = ("uncollected", None), ("settle", None), ("grow", None)
    all_500 = [("gather", 500)] * 30
    assert asked == [*leases, *all_500, *pings, *later, off, *leases, settled, *leases, grown, *leases]
    asked.clear()
    found = crowds._gather(Run(quick=True), 5_000, PLAIN, lambda _, __: None)
    small, others = [("gather", 100)] * 20, [("gather", 400)] * 20
    assert asked == [*leases[:2], *small, *pings[:2], *others, *pings[:2], *later[:2], off, *leases[:2], grown]
    assert found.theirs == found.saved == {"cpu": [1.0] * 10 + [2.0] * 10, "bytes": 7.0}
    one = {"cpu": [1.0] * 10, "bytes": 7.0}
    assert found.smaller == crowds.Gathered(one, one)
    asked.clear()
    crowds._gather(Run(quick=True), 1_000, PLAIN, lambda _, __: None)
    assert asked == [*small, *pings[:2]]
    asked.clear()
    crowds._gather(Run(), 1_000, PLAIN, lambda _, __: None)
    assert asked == [*small, *small[:10], *pings]


def test_each_client_of_a_growing_crowd_gets_the_same_number_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a smaller crowd get them more often. The cost is the CPU time of a burst divided by all of its messages."""
    monkeypatch.setattr(crowds, "FEWEST", 80)
    monkeypatch.setattr(crowds, "GROWTH", (1, 4, 100))
    pushed: list[dict[str, object]] = []

    class Server(Process):
        def ask(self, **job: object) -> dict[str, Any]:
            pushed.append(job)
            return super().ask(**job)

    monkeypatch.setattr(crowds, "Process", Server)
    with crowds.crowd_of("ours_silent", PLAIN) as crowd:
        costs, beside = crowds.grow(crowd, 4, 3)
    one, four = [{"push": 20, "times": 4}], [{"push": 20, "times": 1}]
    assert [job for job in pushed if "push" in job] == [*one, *one] * 3 + [*four, *one] * 3
    for each in (costs, beside):
        assert {size: len(taken) for size, taken in each.items()} == {1: 3, 4: 3}
        assert all(0 < cost < 100_000 for taken in each.values() for cost in taken)
