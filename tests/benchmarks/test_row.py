"""Rows: medians of ratios, spread, goals, and what machines get."""

from __future__ import annotations

import math

import pytest

from benchmarks.row import Row


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """Not the ratio of the medians, which would be 10 here: a round's two figures belong together."""
    row = Row.of("q", "c", "a", ours=[10.0, 40.0, 30.0], theirs=[1.0, 2.0, 10.0])
    assert row.ratio == 10.0
    assert Row.of("q", "c", "a", ours=[10.0, 40.0, 90.0], theirs=[10.0, 4.0, 3.0]).ratio == 10.0
    assert Row.of("q", "c", "a", ours=[1.0, 8.0, 9.0], theirs=[1.0, 2.0, 9.0]).ratio == 1.0


def test_the_spread_is_from_the_lowest_round_to_the_highest() -> None:
    """In the unit of the ratio; nothing where there is but one round."""
    assert Row.of("q", "c", "a", ours=[2.0, 4.0, 9.0], theirs=[1.0, 1.0, 1.0]).spread == 7.0
    assert Row.of("q", "c", "a", ours=[2.0], theirs=[1.0]).spread == 0.0


def test_the_best_round_of_each_side_can_be_compared() -> None:
    """The spread is that of three sets of rounds, each of which has the best of its own."""
    ours, theirs = [9.0, 2.0, 3.0, 4.0, 9.0, 9.0], [4.0, 9.0, 1.0, 2.0, 1.0, 9.0]
    row = Row.of_best("q", "c", "a", ours, theirs, "<= 2")
    assert (row.ratio, row.spread, row.rounds, row.met) == (2.0, 1.0, 6, True)
    row = Row.of_best("q", "c", "a", ours, theirs, best=max)
    assert (row.ratio, row.spread) == (1.0, 9.0 / 4.0 - 1.0)
    assert Row.of_best("q", "c", "a", [3.0], [2.0]) == Row("q", "c", "a", 1.5)


def test_rounds_come_in_pairs() -> None:
    """A round that only one side has is a mistake."""
    with pytest.raises(ValueError, match="1 of theirs"):
        Row.of_best("q", "c", "a", ours=[1.0, 2.0], theirs=[1.0])
    with pytest.raises(ValueError, match="shorter"):
        Row.of("q", "c", "a", ours=[1.0, 2.0], theirs=[1.0])


def test_a_goal_is_met_or_not() -> None:
    """A row without a goal has no verdict."""
    assert Row("q", "c", "a", 0.5, goal="<= 0.5").met
    assert not Row("q", "c", "a", 6.9, goal=">= 7").met
    assert Row("q", "c", "a", math.inf).met is None
    assert Row("q", "c", "a", 1.0, goal=">= 1").as_json()["met"] is True


def test_machines_get_eight_keys() -> None:
    """Neither more nor fewer, whatever a row has for people."""
    row = Row("q", "c", "a", 2.0, 0.5)
    assert row.as_json() == {
        "question": "q",
        "case": "c",
        "against": "a",
        "ratio": 2.0,
        "spread": 0.5,
        "goal": None,
        "rounds": 1,
        "met": None,
    }
