"""One result of one question."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable, Sequence

import attrs

__all__ = ["Row"]

_PARTS = 3
_RELATIONS = {">=": operator.ge, "<=": operator.le}


@attrs.frozen
class Row:
    """One line of the table, and of the JSON.

    Attributes:
        question: what was asked.
        case: the conditions, the figures behind the ratio, and what is not comparable.
        against: the program by whose figure ours is divided.
        ratio: ours divided by theirs: the median of the rounds, or that of the best round of each.
        spread: by how much it varies: the largest minus the smallest ratio of the rounds, or of thirds of them if it is that of
            the best rounds; 0 if there is one round.
        goal: `">= 7"`, `"<= 0.7"`, or `None` if there is none.
        rounds: how many rounds there were.
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

    @classmethod
    def of_best(
        cls,
        question: str,
        case: str,
        against: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        goal: str | None = None,
        *,
        best: Callable[[Sequence[float]], float] = min,
    ) -> Row:
        """Return the row of times that other load of the machine only makes worse, so that the best round is the truest.

        For CPU time `of()` is steadier: the speed of a processor changes in phases that last longer than a round, and the
        figures of a round are from the same phase. *best* is `max` where more is better.
        """
        if len(ours) != len(theirs):
            message = f"{len(ours)} rounds of ours, and {len(theirs)} of theirs"
            raise ValueError(message)
        thirds = [best(ours[n::_PARTS]) / best(theirs[n::_PARTS]) for n in range(min(_PARTS, len(ours)))]
        return cls(question, case, against, best(ours) / best(theirs), max(thirds) - min(thirds), goal, len(ours))

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
