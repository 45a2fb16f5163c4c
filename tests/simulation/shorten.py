"""Finds the shortest prefix of a failing script that still fails."""

from __future__ import annotations

from .run import Outcome, simulate

__all__ = ["shortest_prefix"]


def shortest_prefix(seed: int, failed: Outcome) -> tuple[int, Outcome]:
    """Return a number of steps with which *seed* fails, and with one less does not, and what came of it.

    *failed*: what came of a longer script.
    """
    works, fails = -1, failed.steps
    while fails - works > 1:
        middle = (works + fails) // 2
        outcome = simulate(seed, steps=middle)
        if outcome.failure is None:
            works = middle
        else:
            fails, failed = middle, outcome
    return fails, failed
