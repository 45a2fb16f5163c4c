"""How soon after `enter_background()` does the server have the close frame, and does it always get one?

It is compared with a close frame that is written to an open socket by hand. Nothing else is being written. Over a stream
that is neither a socket nor TLS over one, the call cannot send the frame itself and a task does: that is a row of its own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .frames import DEVICE
from .process import LeftOutError, Process
from .row import Row
from .run import Run

__all__ = ["delay_rows", "delays", "measure", "rows_of", "times_of"]

TIMES = 40
ROUNDS, QUICK_ROUNDS = 25, 7
Delays = list[list[float | None]]  # of each round
_LATE = 0.1  # seconds for the last close frame, if the server is slow


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    took = times_of(run, rounds, plain=True), times_of(run, rounds, plain=False)
    if None in took:
        return []
    plain, covered = took
    assert plain is not None
    assert covered is not None
    return [
        *rows_of(*plain),
        *delay_rows(*covered, "the same where a task writes it, over a stream of the program's own"),
    ]


def times_of(
    run: Run, rounds: int, *, plain: bool, environment: Mapping[str, str] | None = None
) -> tuple[Delays, Delays] | None:
    """Measure; return the delays of ours and of the bare close frame, or `None` if that is not possible here.

    *plain*: the client's byte stream is not hidden from it. With an *environment* of `encryption.certificates()` it is TLS.
    """
    ours: Delays = []
    bare: Delays = []
    with (
        Process("benchmarks.replay", "cometchat", 0, environment=environment) as server,
        Process("benchmarks.contender", "leaving:leave", environment=environment) as contender,
    ):
        known = 0
        for number in range(rounds):
            run.tell(number / rounds, f"{TIMES} times to the background, round {number + 1} of {rounds}")
            try:
                called = contender.ask(port=server.greeting["port"], times=TIMES, plain=plain)
                time.sleep(_LATE)
                links = server.ask()["links"]
            except LeftOutError as reason:
                run.leave_out("enter_background()", reason)
                return None
            ours.append(delays(called["ours"], [link for link in links[known:] if link["device"] != DEVICE]))
            bare.append(delays(called["bare"], [link for link in links[known:] if link["device"] == DEVICE]))
            known = len(links)
    return ours, bare


def delays(calls: Sequence[float], links: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Return for each of *calls* the time to the close frame of its link, or `None` if none came.

    *calls* and *links* are in order. The last link may have no call: leaving the client ended it.
    """
    closed = [link["closed_at"] for link in links]
    return [None if at is None else at - call for call, at in zip(calls, closed, strict=False)]


def rows_of(ours: Delays, bare: Delays, question: str = "background", goal: str = "<= 2.0") -> list[Row]:
    """Return the rows of one kind of stream."""
    rows = delay_rows(ours, bare, "enter_background() to the server's close frame", goal, question)
    seen = _seen(ours)
    calls, frames = sum(map(len, ours)), sum(map(len, seen))
    shares = [len(each) / len(every) for each, every in zip(seen, ours, strict=True)]
    case = f"close frames that the server saw: {frames:,} of {calls:,}, no write under way"
    rows.append(Row(question, case, "all", frames / calls, max(shares) - min(shares), ">= 1", len(shares)))
    return rows


def delay_rows(
    ours: Delays, bare: Delays, what: str, goal: str | None = None, question: str = "background"
) -> list[Row]:
    """Return the row of the delays; none if a close frame is missing in each call of a round."""
    mine, theirs = ([statistics.median(each) for each in _seen(kind) if each] for kind in (ours, bare))
    if not len(mine) == len(theirs) == len(ours):  # a round in which a close frame is missing
        return []
    times = " / ".join(f"{statistics.median(kind) * 1e3:.2f}" for kind in (mine, theirs))
    return [Row.of(question, f"{what}, median: {times} ms", "a bare close frame", mine, theirs, goal)]


def _seen(delays: Delays) -> list[list[float]]:
    return [[delay for delay in each if delay is not None] for each in delays]
