"""Durations are counted in classes whose upper bounds belong to them, as Prometheus' `le` means it."""

from __future__ import annotations

from cometconn.fleet.distribution import BOUNDS, Distribution, Durations


def test_each_duration_is_in_one_class() -> None:
    """A bound belongs to the class below it; what is longer than the last one has a class of its own."""
    durations = Durations()
    assert durations.now() == Distribution()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], 1e6):
        durations.add(seconds)
    seen = durations.now()
    assert seen.counts[:2] == (2, 1)
    assert seen.counts[-2:] == (1, 1)
    assert (seen.count, seen.last, seen.longest) == (5, 1e6, 1e6)
    assert seen.total == sum((0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], 1e6))
    durations.add(0.5)
    assert (seen.count, durations.now().last) == (5, 0.5)
