"""Receiving side by side, in processes."""

from __future__ import annotations

import pytest

from benchmarks import bench_background
from benchmarks.receiving import OURS, Rival, receive
from benchmarks.run import Run


def test_contenders_receive_in_turn_and_the_missing_are_left_out() -> None:
    """Each in a process of its own, and its server in another."""
    run = Run()
    rivals = [
        Rival("trio-websocket", "on_trio_websocket:receive", "typed events"),
        Rival("missing", "on_missing:receive", "nothing"),
    ]
    readings = receive(run, rivals, rounds=2, warm=5, count=20)
    assert {name: len(each) for name, each in readings.items()} == {OURS.name: 2, "trio-websocket": 2}
    assert all(reading["seconds"] > 0 for each in readings.values() for reading in each)
    assert run.left_out == ["missing: benchmarks.contenders.on_missing is not installed"]


def test_every_close_frame_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server, in a process of its own."""
    monkeypatch.setattr(bench_background, "TIMES", 3)
    monkeypatch.setattr(bench_background, "QUICK_ROUNDS", 1)
    delay, share, by_a_task = bench_background.measure(Run(quick=True))
    assert delay.ratio > 0
    assert by_a_task.ratio > 0
    assert by_a_task.goal is None
    assert share.met
    assert "3 of 3" in share.case
