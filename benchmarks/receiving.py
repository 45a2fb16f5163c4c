"""Receiving side by side: the contenders in processes of their own, their servers in others."""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import attrs

from .pictures import bars
from .process import LeftOutError, Process
from .row import Row
from .run import Run, interleave

__all__ = ["OURS", "Readings", "Rival", "compare", "cost", "draw", "rate", "receive"]

Readings = dict[str, list[dict[str, float]]]


@attrs.frozen
class Rival:
    """A program that receives messages.

    Attributes:
        name: its name in the table.
        target: the contender's module and function.
        gives: what the application gets, and how, so that readers can judge whether it is comparable.
        goal: the row's, when ours is divided by this.
        speaker: the protocol of its server.
    """

    name: str
    target: str
    gives: str
    goal: str | None = None
    speaker: str = "cometchat"


OURS = Rival("cometconn", "ours:receive", "typed events in an async for (Trio)")


def receive(
    run: Run,
    rivals: Sequence[Rival],
    *,
    rounds: int,
    warm: int,
    count: int,
    pace: float | None = None,
    ours: Rival = OURS,
    environment: Mapping[str, str] | None = None,
) -> Readings:
    """Let *ours* and all *rivals* receive *count* messages a round, after *warm* messages to warm up; return the time of each.

    With an *environment* of `encryption.certificates()`, all of it goes over TLS.
    """
    with ExitStack() as stack:
        servers: dict[str, Process] = {}
        takes: dict[str, Callable[[], dict[str, float]]] = {}
        for rival in (ours, *rivals):
            run.tell(0.0, f"starting {rival.name}")
            try:
                contender = stack.enter_context(Process("benchmarks.contender", rival.target, environment=environment))
            except LeftOutError as reason:
                run.leave_out(rival.name, reason)
                continue
            if rival.speaker not in servers:
                arguments = (rival.speaker, warm + count, *([pace] if pace else []))
                servers[rival.speaker] = stack.enter_context(
                    Process("benchmarks.replay", *arguments, environment=environment)
                )
            port = servers[rival.speaker].greeting["port"]
            takes[rival.name] = partial(contender.ask, port=port, warm=warm, count=count)
        return interleave(run, rounds, takes)


def compare(
    question: str,
    readings: Readings,
    rivals: Sequence[Rival],
    figure: Callable[[dict[str, float]], float],
    unit: str,
    ours: Rival = OURS,
) -> list[Row]:
    """Divide the *figure* of *ours*, in *unit*, by that of each rival that has one."""
    rows = []
    for rival in rivals:
        if rival.name in readings and ours.name in readings:
            mine, theirs = ([figure(reading) for reading in readings[name]] for name in (ours.name, rival.name))
            both = " / ".join(f"{statistics.median(figures):,.0f}" for figures in (mine, theirs))
            case = f"{both} {unit}; ours: {ours.gives}; theirs: {rival.gives}"
            rows.append(Row.of(question, case, rival.name, mine, theirs, rival.goal))
    return rows


def draw(
    path: pathlib.Path,
    title: str,
    readings: Readings,
    rivals: Sequence[Rival],
    figure: Callable[[dict[str, float]], float],
    unit: str,
) -> None:
    """Draw the *figure* of each program as a bar, with what it gives beside its name."""
    there = [rival for rival in (OURS, *rivals) if rival.name in readings]
    values = {f"{rival.name}\n{rival.gives}": [figure(each) for each in readings[rival.name]] for rival in there}
    bars(path, title, f"{unit}; median, and range of the rounds", values)


def rate(reading: dict[str, float]) -> float:
    """Return the messages a second."""
    return 1 / reading["seconds"]


def cost(reading: dict[str, float]) -> float:
    """Return the microseconds of CPU time for each message."""
    return reading["cpu"] * 1e6
