"""Receiving side by side, in processes."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import bench_background, receiving
from benchmarks.process import Process
from benchmarks.receiving import OURS, Rival, receive
from benchmarks.run import Run


def test_contenders_receive_in_turn_and_the_missing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a process of its own, and its server in another. The number of messages of a burst depends on their time."""
    run = Run()
    rivals = [
        Rival("trio-websocket", "on_trio_websocket:receive", "typed events"),
        Rival("missing", "on_missing:receive", "nothing"),
    ]
    asked: list[tuple[str, dict[str, object]]] = []
    ask = Process.ask

    def noted(process: Process, **job: object) -> dict[str, Any]:
        asked.append((process._name, job))
        return ask(process, **job)

    monkeypatch.setattr(Process, "ask", noted)
    monkeypatch.setattr(receiving, "SPAN", 1e-5)
    readings = receive(run, rivals, rounds=2, warm=5, count=20)
    assert {name: len(each) for name, each in readings.items()} == {OURS.name: 2, "trio-websocket": 2}
    assert all(reading["seconds"] > 0 for each in readings.values() for reading in each)
    assert run.left_out == ["missing: benchmarks.contenders.on_missing is not installed"]
    jobs = [(name.split()[1], job.get("count", job.get("messages"))) for name, job in asked]
    assert jobs[:4] == [("cometchat", 6), ("ours:receive", 1), ("cometchat", 6), ("on_trio_websocket:receive", 1)]
    assert set(jobs[4:]) == set(jobs[:4])  # a message takes longer than the span
    asked.clear()
    receive(Run(), rivals[:1], rounds=1, warm=1, count=2, pace=1_000.0)
    assert {job.get("count", job.get("messages")) for _, job in asked} == {2, 3}


def test_every_close_frame_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server, in a process of its own."""
    monkeypatch.setattr(bench_background, "TIMES", 3)
    for rounds in ("ROUNDS", "QUICK_ROUNDS", "COVERED_ROUNDS"):
        monkeypatch.setattr(bench_background, rounds, 1)
    delay, share, by_a_task = bench_background.measure(Run())
    assert delay.ratio > 0
    assert by_a_task.ratio > 0
    assert by_a_task.goal is None
    assert share.met
    assert "3 of 3" in share.case
