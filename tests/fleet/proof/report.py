"""What was measured, beside its goals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import attrs

__all__ = ["Report", "Row"]


@attrs.frozen
class Row:
    """All measurements of one kind.

    Attributes:
        scenario: in which they were made.
        what: what was measured.
        values: all of them.
        goal: the greatest value that is allowed; `None` if there is no goal.
    """

    scenario: str
    what: str
    values: tuple[float, ...]
    goal: float | None

    @property
    def is_met(self) -> bool:
        """Whether no value is greater than the goal."""
        return self.goal is None or max(self.values, default=0.0) <= self.goal

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        values = sorted(self.values)
        p50 = statistics.median(values) if values else 0.0
        p95 = values[math.ceil(0.95 * len(values)) - 1] if values else 0.0
        verdict = "" if self.goal is None else "met" if self.is_met else "MISSED"
        goal = "" if self.goal is None else f"<= {self.goal:g}"
        numbers = (f"{number:.2f}".rstrip("0").rstrip(".") for number in (p50, p95, max(values, default=0.0)))
        return (self.scenario, self.what, str(len(values)), *numbers, goal, verdict)


@attrs.define(eq=False)
class Report:
    """The measurements of all scenarios."""

    rows: list[Row] = attrs.field(factory=list)

    def note(self, scenario: str, what: str, values: float | Sequence[float], goal: float | None = None) -> None:
        """Add a measurement to those of its kind, and print it if its goal is missed."""
        row = Row(scenario, what, tuple(values) if isinstance(values, Sequence) else (values,), goal)
        for number, other in enumerate(self.rows):
            if (other.scenario, other.what, other.goal) == (scenario, what, goal):
                self.rows[number] = attrs.evolve(other, values=other.values + row.values)
                break
        else:
            self.rows.append(row)
        if not row.is_met:
            print("MISSED:", *row.cells(), flush=True)

    @property
    def missed(self) -> list[Row]:
        """The rows whose goals are not met."""
        return [row for row in self.rows if not row.is_met]

    def table(self) -> str:
        """Return everything as one table."""
        head = ("scenario", "what", "n", "p50", "p95", "max", "goal", "")
        lines = [head, *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if 2 <= column < 6 else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )
