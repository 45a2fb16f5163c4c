"""How the questions are to be answered, and the rounds in which they are."""

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
    """What each question is given.

    Attributes:
        quick: fewer rounds and smaller crowds, but everything that has a goal.
        plot: the folder for pictures; `None` for none.
        tell: is told how much of the question is done, from 0 to 1, and what is going on.
        left_out: what could not be measured, and why.
    """

    quick: bool = False
    plot: pathlib.Path | None = None
    tell: Callable[[float, str], object] = lambda _, __: None
    left_out: list[str] = attrs.field(factory=list)

    def leave_out(self, what: str, reason: LeftOutError) -> None:
        """Note that *what* cannot be measured."""
        self.left_out.append(f"{what}: {reason}")


def interleave(run: Run, rounds: int, takes: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Take every figure once a round, in turn, so that whatever else the machine does hits all alike.

    What raises `LeftOutError` is told to *run*, and missing in the answer.
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
