"""What got worse since another run, as far as the rounds of both can tell."""

from __future__ import annotations

import json
import pathlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import attrs
import cattrs

from .row import Row

__all__ = ["Change", "changes", "missing", "read_rows"]

_MANY = 5  # rounds
_LEAST = 0.05
"""The part of a ratio by which it may change without being worse, however alike the rounds of a run are."""
_FIGURES = re.compile(r"\d[\d,.]*")


@attrs.frozen
class Change:
    """A row of both runs.

    Attributes:
        new, old: the row in this run, and in the other one.
        worse: whether the new ratio is worse than the old one by more than the rounds of both runs vary, and by more than
            a twentieth. `None` if more and less are equally good.
    """

    new: Row
    old: Row
    worse: bool | None

    @property
    def fell(self) -> bool:
        """Whether the other run met the goal and this one does not."""
        return bool(self.old.met) and self.new.met is False


def read_rows(path: pathlib.Path) -> list[Row]:
    """Read what `--json` wrote. Files of older versions have no rounds.

    Raises:
        ValueError: the file is not such a list.
    """
    try:
        rows = cattrs.structure(json.loads(path.read_text(encoding="utf-8")), list[Row])
    except (OSError, TypeError, ValueError, cattrs.BaseValidationError) as error:
        message = f"{path} is not the JSON of a run: {error}"
        raise ValueError(message) from error
    if not rows:
        message = f"{path} is not the JSON of a run: it has no rows"
        raise ValueError(message)
    return rows


def changes(new: Sequence[Row], old: Sequence[Row]) -> list[Change]:
    """Pair the rows of two runs, and judge each pair. A row that only one of the runs has is left out."""
    directions = {row.question: row.goal.startswith(">") for row in (*old, *new) if row.goal}
    found = []
    before = dict(_keyed(old))
    for key, row in _keyed(new):
        if (other := before.get(key)) is None:
            continue
        more_is_better = row.goal.startswith(">") if row.goal else directions.get(row.question)
        change = row.ratio - other.ratio
        lost = None if more_is_better is None else -change if more_is_better else change
        noise = max(_noise(row), _noise(other), _LEAST * other.ratio)
        found.append(Change(row, other, None if lost is None else lost > noise))
    return found


def missing(new: Sequence[Row], old: Sequence[Row]) -> list[Row]:
    """Return the rows of *old* that *new* does not have: nothing is known about them."""
    keys = {key for key, _ in _keyed(new)}
    return [row for key, row in _keyed(old) if key not in keys]


def _noise(row: Row) -> float:
    """Return by how much a ratio may differ between runs at the same speed.

    The median, or the best, of many rounds lies within half of the spread in nearly every run. Few rounds seldom show how much
    there is.
    """
    return row.spread / 2 if row.rounds >= _MANY else row.spread


def _keyed(rows: Iterable[Row]) -> Iterable[tuple[tuple[str, str, str, int], Row]]:
    """Yield each row with what identifies it in any run: its case contains the figures of this one."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        key = row.question, row.against, _FIGURES.sub("#", row.case)
        seen[key] += 1
        yield (*key, seen[key]), row
