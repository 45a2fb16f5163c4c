"""Receiving side by side: the contenders in processes of their own, their servers in others."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import attrs

from .process import LeftOutError, Process
from .run import Run, interleave

__all__ = ["OURS", "Readings", "Rival", "median_of", "receive"]

Readings = dict[str, list[dict[str, float]]]


@attrs.frozen
class Rival:
    """Somebody who receives messages.

    Attributes:
        name: as the table has it.
        target: the contender's module and function.
        note: what is and what is not comparable.
        goal: the row's, when ours is divided by this.
        speaker: the protocol its server has to speak.
    """

    name: str
    target: str
    note: str = ""
    goal: str | None = None
    speaker: str = "cometchat"


OURS = Rival("cometconn", "ours:receive")


def receive(
    run: Run, rivals: Sequence[Rival], *, rounds: int, warm: int, count: int, pace: float | None = None
) -> Readings:
    """Let ours and all *rivals* receive *count* messages a round, after *warm* to get warm; return what it took each."""
    with ExitStack() as stack:
        servers: dict[str, Process] = {}
        takes: dict[str, Callable[[], dict[str, float]]] = {}
        for rival in (OURS, *rivals):
            run.tell(0.0, f"starting {rival.name}")
            try:
                contender = stack.enter_context(Process("benchmarks.contender", rival.target))
            except LeftOutError as reason:
                run.leave_out(rival.name, reason)
                continue
            if rival.speaker not in servers:
                arguments = (rival.speaker, warm + count, *([pace] if pace else []))
                servers[rival.speaker] = stack.enter_context(Process("benchmarks.replay", *arguments))
            port = servers[rival.speaker].greeting["port"]
            takes[rival.name] = partial(contender.ask, port=port, warm=warm, count=count)
        return interleave(run, rounds, takes)


def median_of(readings: Readings, name: str, what: str) -> float:
    """Return the median of one contender's figures."""
    return statistics.median(reading[what] for reading in readings[name])
