"""The options of a run, and its rounds."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from .process import LeftOutError

__all__ = ["Run", "interleave"]

T = TypeVar("T")


@attrs.define(eq=False)
class Run:
    """The options that each question gets.

    Attributes:
        quick: fewer rounds and smaller crowds, but everything that has a goal.
        plot: the folder for pictures, or `None`.
        tell: called with the progress of the question, from 0 to 1, and a description.
        accounts, workers: of the whole fleet that the question `fleet` measures; 0 for its own numbers.
        left_out: what could not be measured, with the reason.
    """

    quick: bool = False
    plot: pathlib.Path | None = None
    tell: Callable[[float, str], object] = lambda _, __: None
    left_out: list[str] = attrs.field(factory=list)
    accounts: int = 0
    workers: int = 0

    def leave_out(self, what: str, reason: LeftOutError) -> None:
        """Record that *what* cannot be measured."""
        self.left_out.append(f"{what}: {reason}")


def interleave(run: Run, rounds: int, takes: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Measure every figure once in each round, in turn, so that other load of the machine affects all alike.

    A figure that raises `LeftOutError` is recorded in *run*, and missing in the result.
    """
    taken: dict[str, list[T]] = {name: [] for name in takes}
    for number in range(rounds):
        for place, (name, take) in enumerate(takes.items()):
            if name not in taken:
                continue
            run.tell((number + place / len(takes)) / rounds, f"{name}, round {number + 1} of {rounds}")
            try:
                taken[name].append(take())
            except LeftOutError as reason:
                del taken[name]
                run.leave_out(name, reason)
    return taken
