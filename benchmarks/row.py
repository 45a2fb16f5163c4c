"""One answer to one question."""

from __future__ import annotations

import operator

import attrs

__all__ = ["Row"]

_RELATIONS = {">=": operator.ge, "<=": operator.le}


@attrs.frozen
class Row:
    """One line of the table, and of the JSON.

    Attributes:
        question: what was asked.
        case: under which circumstances.
        against: what ours is divided by.
        ratio: ours, divided by that.
        spread: how far the rounds lay apart; 0 where there is but one.
        goal: `">= 7"`, `"<= 0.7"`, or `None` where there is none.
    """

    question: str
    case: str
    against: str
    ratio: float
    spread: float = 0.0
    goal: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; `None` where there is none."""
        if self.goal is None:
            return None
        relation, number = self.goal.split()
        return bool(_RELATIONS[relation](self.ratio, float(number)))

    def as_json(self) -> dict[str, object]:
        """Return the row for machines."""
        return {**attrs.asdict(self), "met": self.met}
