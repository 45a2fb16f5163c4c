"""A small crowd, its server, and what is asked of it."""

from __future__ import annotations

import pytest

from benchmarks import crowds
from benchmarks.crowd import Crowd
from benchmarks.process import LeftOutError, Process
from benchmarks.run import Run


@pytest.mark.parametrize("kind", ["ours", "trio_websocket"])
def test_a_crowd_connects_receives_and_tells(kind: str) -> None:
    """What comes later has other ids, or ours would take it for duplicates."""
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", kind) as crowd:
        port = server.greeting["port"]
        assert crowd.ask(do="gather", port=port, clients=2)["seconds"] > 0
        assert crowd.ask(do="gather", port=port, clients=1)["bytes"] >= 0
        for _ in range(2):
            assert crowd.ask(do="expect", count=12) == {}
            assert server.ask(push=4) == {"told": 3}
            assert crowd.ask(do="received")["seconds"] > 0
        if kind == "ours":
            late = crowd.ask(do="lateness", port=port, samples=4)
            assert 0 <= late["p50"] <= late["p99"]
        with pytest.raises(LeftOutError, match="open files"):
            crowd.ask(do="gather", port=port, clients=10**9)


def test_questions_share_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gathered once a run, and again for another run."""
    gathered: list[int] = []

    def gather(clients: int, tell: object) -> crowds.Gathered:
        gathered.append(clients)
        return crowds.Gathered({}, {}, {}, {})

    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run(quick=True)
    assert crowds.gathered(run, 5) == crowds.gathered(run, 5)
    assert gathered == [5] * crowds.QUICK_ROUNDS
    crowds.gathered(Run(), 5)
    assert len(gathered) == crowds.QUICK_ROUNDS + crowds.ROUNDS


def test_a_crowd_that_cannot_be_gathered_leaves_its_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, once."""

    def gather(clients: int, tell: object) -> crowds.Gathered:
        raise LeftOutError("too many open files")

    monkeypatch.setattr(crowds, "_gather", gather)
    run = Run()
    assert crowds.gathered(run, 5_000) == crowds.gathered(run, 5_000) == []
    assert run.left_out == ["5,000 clients: too many open files"]


def test_jobs_are_methods() -> None:
    """The names that the questions use."""
    assert all(callable(getattr(Crowd, name)) for name in ("gather", "expect", "received", "lateness"))
