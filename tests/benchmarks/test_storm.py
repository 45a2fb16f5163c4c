"""The simulated storm: its arithmetic, not its figures."""

from __future__ import annotations

import pytest

from benchmarks import bench_storm


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred clients show as much here as ten thousand."""
    monkeypatch.setattr(bench_storm, "CLIENTS", 100)


@pytest.mark.parametrize("announced", [False, True])
def test_all_clients_reconnect(announced: bool) -> None:
    """Each client once, none before the server is there, and every attempt is counted."""
    storm = bench_storm.ours(3.0, announced=announced)
    assert len(storm.back) == 100
    assert min(storm.back) >= 3.0 - bench_storm.SPREAD
    assert sum(storm.attempts.values()) >= 100
    assert storm.median <= storm.late


def test_the_fixed_timer_comes_in_step() -> None:
    """All at once, five seconds later, whatever happened."""
    storm = bench_storm.official(3.0)
    assert storm.peak == 100
    assert set(storm.attempts) == {5}
