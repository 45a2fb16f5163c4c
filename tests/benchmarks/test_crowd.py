"""A small crowd, its server, and the commands to it."""

from __future__ import annotations

from typing import ClassVar, Self

import pytest

from benchmarks import crowds
from benchmarks.process import LeftOutError, Process
from benchmarks.run import Run


@pytest.mark.parametrize("kind", ["ours", "ours_silent", "trio_websocket"])
def test_a_crowd_connects_receives_and_reports(kind: str) -> None:
    """What comes later has other ids, or ours would take it for duplicates."""
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", kind) as crowd:
        port = server.greeting["port"]
        assert crowd.ask(do="gather", port=port, clients=2)["seconds"] > 0
        assert crowd.ask(do="gather", port=port, clients=1)["bytes"] >= 0
        for _ in range(2):
            assert crowd.ask(do="expect", count=12) == {}
            pushed = server.ask(push=4)
            assert pushed["told"] == 3
            assert crowd.ask(do="received")["at"] > pushed["at"]
        if kind == "ours":
            late = crowd.ask(do="lateness", port=port, samples=4)
            assert 0 <= late["p50"] <= late["p99"]
            assert crowd.ask(do="settle") == {}
        with pytest.raises(LeftOutError, match="open files"):
            crowd.ask(do="gather", port=port, clients=10**9)


def test_questions_share_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gathered once a run, and again for another run."""
    gathered: list[int] = []

    def gather(clients: int, tell: object, *, settle: bool) -> crowds.Gathered:
        gathered.append(clients)
        return crowds.Gathered({}, {}, [], [], [], [])

    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run(quick=True)
    assert crowds.gathered(run, 1_000) == crowds.gathered(run, 1_000)
    assert gathered == [1_000] * crowds.QUICK_ROUNDS[1_000]
    gathered.clear()
    crowds.gathered(Run(), 5_000)
    assert gathered == [5_000] * crowds.ROUNDS[5_000]


def test_a_crowd_that_cannot_be_gathered_leaves_its_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, once."""

    def gather(clients: int, tell: object, *, settle: bool) -> crowds.Gathered:
        raise LeftOutError("too many open files")

    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run()
    assert crowds.gathered(run, 5_000) == crowds.gathered(run, 5_000) == []
    assert run.left_out == ["5,000 clients: too many open files"]


def test_only_the_large_crowd_measures_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times alone, then three times among them, once they ping, and when all has settled; and among silent ones."""
    asked: list[tuple[str, object]] = []

    class Answering:
        greeting: ClassVar = {"port": 1}

        def __init__(self, *arguments: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *details: object) -> None:
            pass

        def ask(self, *, do: str, **job: object) -> dict[str, float]:
            asked.append((do, job.get("after", job.get("clients"))))
            return {}

    monkeypatch.setattr(crowds, "Process", Answering)
    crowds._gather(5_000, lambda _, __: None, settle=True)
    leases, later = [("lateness", None)] * 3, [("lateness", 15.0)] * 3
    crowd = ("gather", 5_000)
    assert asked == [*leases, crowd, *later, ("settle", None), *leases, crowd, crowd, *leases]
    asked.clear()
    crowds._gather(5_000, lambda _, __: None, settle=False)
    assert asked == [*leases, crowd, *later, crowd, crowd, *leases]
    asked.clear()
    crowds._gather(1_000, lambda _, __: None, settle=True)
    assert asked == [("gather", 1_000)] * 2
