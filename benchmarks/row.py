"""One result of one question."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Sequence

import attrs

__all__ = ["Row"]

_RELATIONS = {">=": operator.ge, "<=": operator.le}


@attrs.frozen
class Row:
    """One line of the table, and of the JSON.

    Attributes:
        question: what was asked.
        case: the conditions, the figures behind the ratio, and what is not comparable.
        against: the program by whose figure ours is divided.
        ratio: the median of the rounds.
        spread: the largest ratio of a round minus the smallest; 0 if there is one round.
        goal: `">= 7"`, `"<= 0.7"`, or `None` if there is none.
        rounds: how many rounds the ratio is the median of.
    """

    question: str
    case: str
    against: str
    ratio: float
    spread: float = 0.0
    goal: str | None = None
    rounds: int = 1

    @classmethod
    def of(
        cls,
        question: str,
        case: str,
        against: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        goal: str | None = None,
    ) -> Row:
        """Return the row of figures that were measured side by side, one pair for each round."""
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        spread = max(ratios) - min(ratios)
        return cls(question, case, against, statistics.median(ratios), spread, goal, len(ratios))

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; `None` if there is none."""
        if self.goal is None:
            return None
        relation, number = self.goal.split()
        return bool(_RELATIONS[relation](self.ratio, float(number)))

    def as_json(self) -> dict[str, object]:
        """Return the row as JSON."""
        return {**attrs.asdict(self), "met": self.met}
