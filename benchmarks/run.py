"""The options of a run, and its rounds."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import attrs

from .process import LeftOutError

__all__ = ["PLAIN", "Run", "Way", "interleave"]

T = TypeVar("T")


@attrs.frozen(eq=False)
class Way:
    """A transport on which questions are measured.

    Attributes:
        name: what follows the name of a question in its rows.
        environment: variables for the processes of clients and servers: see `encryption`.
    """

    name: str
    environment: Mapping[str, str]

    @property
    def is_plain(self) -> bool:
        """Whether nothing is encrypted."""
        return not self.environment


PLAIN: Final = Way("", {})
"""Plain TCP."""


@attrs.define(eq=False)
class Run:
    """The options that each question gets.

    Attributes:
        quick: fewer rounds and little of what has no goal, but everything that has one.
        plot: the folder for pictures, or `None`.
        tell: called with the progress of the question, from 0 to 1, and a description.
        ways: the transports; each question that has traffic on a socket to CometChat is measured on all of them.
        accounts, workers: of the whole fleet that the question `fleet` measures; 0 for its own numbers.
        left_out: what could not be measured, with the reason.
    """

    quick: bool = False
    plot: pathlib.Path | None = None
    tell: Callable[[float, str], object] = lambda _, __: None
    left_out: list[str] = attrs.field(factory=list)
    ways: Sequence[Way] = (PLAIN,)
    accounts: int = 0
    workers: int = 0

    def each_way(self) -> Iterator[tuple[Way, Run]]:
        """Yield each transport, and the run whose progress is the part of the question's that it takes."""
        for number, way in enumerate(self.ways):
            yield way, self.part(number / len(self.ways), (number + 1) / len(self.ways))

    def part(self, begin: float, end: float) -> Run:
        """Return the run whose progress is one part of the question's, from *begin* to *end*."""
        return attrs.evolve(self, tell=lambda part, words: self.tell(begin + part * (end - begin), words))

    def leave_out(self, what: str, reason: LeftOutError) -> None:
        """Record that *what* cannot be measured."""
        self.left_out.append(f"{what}: {reason}")


def interleave(run: Run, rounds: int, takes: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Measure every figure once in each round, in turn, so that other load of the machine affects all alike.

    Each round begins with another figure, so that none always follows the same one. A figure that raises `LeftOutError` is recorded in *run*, and missing in the result.
    """
    taken: dict[str, list[T]] = {name: [] for name in takes}
    for number in range(rounds):
        names = [name for name in takes if name in taken]
        first = number % len(names) if names else 0
        for place, name in enumerate(names[first:] + names[:first]):
            run.tell((number + place / len(names)) / rounds, f"{name}, round {number + 1} of {rounds}")
            try:
                taken[name].append(takes[name]())
            except LeftOutError as reason:
                del taken[name]
                run.leave_out(name, reason)
    return taken
