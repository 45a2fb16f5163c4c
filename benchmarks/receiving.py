"""Receiving side by side: the contenders in processes of their own, their servers in others."""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import attrs

from .pictures import bars
from .process import LeftOutError, Process
from .row import Row
from .run import PLAIN, Run, Way, interleave

__all__ = ["OURS", "Readings", "Rival", "compare", "cost", "draw", "measured", "rate", "receive"]

SPAN = 0.1
"""The seconds of a round of a burst."""
_FIRST = 20  # the part of the most messages that is received to see how long a message takes
Readings = dict[str, list[dict[str, float]]]


@attrs.frozen
class Rival:
    """A program that receives messages.

    Attributes:
        name: its name in the table.
        target: the contender's module and function.
        gives: what the application gets, and how, so that readers can judge whether it is comparable.
        goal: the row's, when ours is divided by this.
        tls_goal: the same over TLS.
        speaker: the protocol of its server.
    """

    name: str
    target: str
    gives: str
    goal: str | None = None
    speaker: str = "cometchat"
    tls_goal: str | None = None

    def goal_on(self, way: Way) -> str | None:
        """Return the goal on that transport."""
        return self.goal if way.is_plain else self.tls_goal


def measured(run: Run, rivals: Sequence[Rival], way: Way) -> list[Rival]:
    """Return those of *rivals* that are measured: in a quick run, those against which there is a goal."""
    return [rival for rival in rivals if not run.quick or rival.goal_on(way) is not None]


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
    way: Way = PLAIN,
) -> Readings:
    """Let *ours* and all *rivals* receive messages, after *warm* messages to warm up; return the time of each message.

    At a *pace* all receive *count* messages a round. In a burst they receive at most as many, and each for about `SPAN` seconds:
    otherwise other load of the machine would hit each round of a slow one, and spare some of a fast one.
    """
    with ExitStack() as stack:
        start = partial(Process, environment=way.environment, wait=False)
        programs = (ours, *rivals)
        # All start at the same time, because each takes a second to import what it needs.
        contenders = [stack.enter_context(start("benchmarks.contender", program.target)) for program in programs]
        servers: dict[str, Process] = {}
        for speaker in {program.speaker for program in programs}:
            arguments = (speaker, warm + count, *([pace] if pace else []))
            servers[speaker] = stack.enter_context(start("benchmarks.replay", *arguments))
        for server in servers.values():
            server.wait()
        takes: dict[str, Callable[[], dict[str, float]]] = {}
        for program, contender in zip(programs, contenders, strict=True):
            run.tell(0.0, f"starting {program.name}")
            try:
                contender.wait()
            except LeftOutError as reason:
                run.leave_out(program.name, reason)
                continue
            takes[program.name] = partial(_take, servers[program.speaker], contender, warm)
        counts = dict.fromkeys(takes, count)
        if pace is None:
            few = max(1, count // _FIRST)
            first = interleave(run.part(0.0, 0.1), 1, {name: partial(take, few) for name, take in takes.items()})
            counts = {name: min(count, max(few, int(SPAN / each[0]["seconds"]))) for name, each in first.items()}
        part = run.part(0.1, 1.0)
        return interleave(part, rounds, {name: partial(takes[name], number) for name, number in counts.items()})


def _take(server: Process, contender: Process, warm: int, count: int) -> dict[str, float]:
    server.ask(messages=warm + count)
    return contender.ask(port=server.greeting["port"], warm=warm, count=count)


def compare(
    question: str,
    readings: Readings,
    rivals: Sequence[Rival],
    figure: Callable[[dict[str, float]], float],
    unit: str,
    ours: Rival = OURS,
    *,
    way: Way = PLAIN,
) -> list[Row]:
    """Divide the *figure* of *ours*, in *unit*, by that of each rival that has one."""
    rows = []
    for rival in rivals:
        if rival.name in readings and ours.name in readings:
            mine, theirs = ([figure(reading) for reading in readings[name]] for name in (ours.name, rival.name))
            both = " / ".join(f"{statistics.median(figures):,.0f}" for figures in (mine, theirs))
            case = f"{both} {unit}; ours: {ours.gives}; theirs: {rival.gives}"
            goal = rival.goal_on(way)
            rows.append(Row.of(question + way.name, case, rival.name, mine, theirs, goal))
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
    """Return the messages a second of CPU time.

    In a burst a client that needs no more of it waits for nothing else. On a machine with other load it varies by 0.3 to 1.6 where
    the ratio of the wall times varies by 6 to 8.
    """
    return 1 / reading["cpu"]


def cost(reading: dict[str, float]) -> float:
    """Return the microseconds of CPU time for each message."""
    return reading["cpu"] * 1e6
