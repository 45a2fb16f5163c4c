"""What got worse since another run."""

from __future__ import annotations

import json
import pathlib

import pytest

from benchmarks.comparison import changes, missing, read_rows
from benchmarks.row import Row


def _row(
    ratio: float, spread: float = 0.0, goal: str | None = ">= 2", case: str = "1.5 / 3 ms", rounds: int = 5
) -> Row:
    return Row("q", case, "a", ratio, spread, goal, rounds)


@pytest.mark.parametrize(
    ("goal", "before", "after", "spread", "worse"),
    [
        (">= 2", 4.0, 3.0, 0.0, True),
        (">= 2", 4.0, 5.0, 0.0, False),
        ("<= 2", 4.0, 5.0, 0.0, True),
        ("<= 2", 4.0, 3.0, 0.0, False),
        (">= 2", 4.0, 3.0, 2.0, False),
        (">= 2", 4.0, 2.9, 2.0, True),
        (None, 4.0, 1.0, 0.0, None),
        ("<= 2", 4.0, 4.19, 0.0, False),
        ("<= 2", 4.0, 4.21, 0.0, True),
    ],
)
def test_worse_is_judged_by_the_goal_and_the_spread(
    goal: str | None, before: float, after: float, spread: float, *, worse: bool | None
) -> None:
    """Half of the larger spread of the two runs is noise, and a twentieth of the ratio."""
    (change,) = changes([_row(after, spread, goal)], [_row(before, 0.0, goal)])
    assert change.worse is worse
    (change,) = changes([_row(after, 0.0, goal)], [_row(before, spread, goal)])
    assert change.worse is worse


def test_few_rounds_do_not_show_the_whole_spread() -> None:
    """All of what they show is noise."""
    for ratio, worse in ((2.1, False), (1.9, True)):
        (change,) = changes([_row(ratio, 2.0, rounds=2)], [_row(4.0)])
        assert change.worse is worse


def test_a_row_that_only_the_other_run_has_is_missing() -> None:
    """A row with other figures is the same row."""
    old = [_row(1.0, case="1 ms"), _row(2.0, case="2 ms"), _row(3.0, case="one")]
    assert missing([_row(4.0, case="5 ms")], old) == [old[1], old[2]]
    assert missing(old, old) == []


def test_a_row_without_a_goal_follows_the_others_of_its_question() -> None:
    """They measure the same thing against other rivals."""
    new, old = [_row(1.0, goal=None), _row(3.0)], [_row(2.0, goal=None), _row(3.0)]
    assert [change.worse for change in changes(new, old)] == [True, False]


def test_a_goal_that_is_missed_now_is_told_whatever_the_spread() -> None:
    """The closing of an issue names each such goal."""
    (change,) = changes([_row(1.9, 1.0)], [_row(2.1, 1.0)])
    assert (change.worse, change.fell) == (False, True)


def test_rows_are_paired_without_their_figures() -> None:
    """The figures of a case are those of its run; rows that are alike otherwise are paired in order."""
    new = [_row(1.0, case="1,000 clients: 2.5 KiB"), _row(2.0, case="5,000 clients: 3 KiB"), _row(3.0, case="new")]
    old = [_row(4.0, case="1,000 clients: 17.0 KiB"), _row(5.0, case="5,000 clients: 9 KiB"), _row(6.0, case="gone")]
    assert [(change.new.ratio, change.old.ratio) for change in changes(new, old)] == [(1.0, 4.0), (2.0, 5.0)]


def test_runs_of_older_versions_are_read(tmp_path: pathlib.Path) -> None:
    """They have no rounds."""
    row = _row(1.5, 0.5).as_json()
    del row["rounds"]
    (tmp_path / "old.json").write_text(json.dumps([row]), encoding="utf-8")
    assert read_rows(tmp_path / "old.json") == [Row("q", "1.5 / 3 ms", "a", 1.5, 0.5, ">= 2")]
