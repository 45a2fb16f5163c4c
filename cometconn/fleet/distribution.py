"""Durations in classes: what a histogram is drawn from, in a fixed size."""

from __future__ import annotations

from bisect import bisect_left
from typing import final

import attrs

__all__ = ["BOUNDS", "Distribution", "Durations"]

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of the classes, in seconds: from a renewal in Redis (0.001) to a login that waits for the rate limit."""


@final
@attrs.frozen
class Distribution:
    """How long something took, all times since the worker or consumer was opened.

    Attributes:
        counts: how many durations are in each class: those up to `BOUNDS[0]`, those above it up to `BOUNDS[1]`, ..., and
            last those above `BOUNDS[-1]`.
        total: the sum of all durations, in seconds.
        last: the last duration, in seconds; 0 if there is none.
        longest: the longest one, in seconds; 0 if there is none.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total: float = 0.0
    last: float = 0.0
    longest: float = 0.0

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.counts)


@attrs.define(eq=False)
class Durations:
    """Counts durations."""

    _counts: list[int] = attrs.field(factory=lambda: [0] * (len(BOUNDS) + 1), init=False)
    _total: float = attrs.field(default=0.0, init=False)
    _last: float = attrs.field(default=0.0, init=False)
    _longest: float = attrs.field(default=0.0, init=False)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._total += seconds
        self._last = seconds
        self._longest = max(self._longest, seconds)

    def now(self) -> Distribution:
        """Return what was counted so far."""
        return Distribution(tuple(self._counts), self._total, self._last, self._longest)
