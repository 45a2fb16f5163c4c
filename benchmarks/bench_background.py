"""How soon after `enter_background()` does the server have the close frame, and does it always get one?

It is compared with a close frame that is written to an open socket by hand, over TLS to a `trio.SSLStream`. Nothing else is
being written. Over a stream that is neither a socket nor TLS over one, the call cannot send the frame itself and a task does:
that is a row of its own, which has no goal, and which a quick run does not have.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .frames import DEVICE
from .process import LeftOutError, Process
from .row import Row
from .run import PLAIN, Run, Way

__all__ = ["delay_rows", "delays", "measure", "rows_of"]

TIMES = 20
ROUNDS, QUICK_ROUNDS = 50, 11
COVERED_ROUNDS = 25  # of what has no goal
Delays = list[list[float | None]]  # of each round
_LATE = 0.1  # seconds for the last close frame, if the server is slow


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds, share = (QUICK_ROUNDS, 1.0) if run.quick else (ROUNDS, 0.7)
    rows = []
    for way, part in run.each_way():
        if (took := _times(part.part(0.0, share), rounds, way, plain=True)) is not None:
            rows += rows_of(*took, way)
        if run.quick:
            continue
        if (took := _times(part.part(share, 1.0), COVERED_ROUNDS, way, plain=False)) is not None:
            rows += delay_rows(*took, "the same where a task writes it, over a stream of the program's own", way)
    return rows


def _times(run: Run, rounds: int, way: Way, *, plain: bool) -> tuple[Delays, Delays] | None:
    """Measure; return the delays of ours and of the bare close frame, or `None` if that is not possible here.

    *plain*: the client's byte stream is not hidden from it.
    """
    ours: Delays = []
    bare: Delays = []
    with (
        Process("benchmarks.replay", "cometchat", 0, environment=way.environment) as server,
        Process("benchmarks.contender", "leaving:leave", environment=way.environment) as contender,
    ):
        known = 0
        for number in range(rounds):
            run.tell(number / rounds, f"{TIMES} times to the background, round {number + 1} of {rounds}")
            try:
                called = contender.ask(port=server.greeting["port"], times=TIMES, plain=plain)
                time.sleep(_LATE)
                links = server.ask()["links"]
            except LeftOutError as reason:
                run.leave_out(f"enter_background(){way.name}", reason)
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


def rows_of(ours: Delays, bare: Delays, way: Way = PLAIN) -> list[Row]:
    """Return the rows of the client's own stream."""
    goal = "<= 2.0" if way.is_plain else "<= 1.5"
    rows = delay_rows(ours, bare, "enter_background() to the server's close frame", way, goal)
    seen = _seen(ours)
    calls, frames = sum(map(len, ours)), sum(map(len, seen))
    shares = [len(each) / len(every) for each, every in zip(seen, ours, strict=True)]
    case = f"close frames that the server saw: {frames:,} of {calls:,}, no write under way"
    spread = max(shares) - min(shares)
    rows.append(Row(f"background{way.name}", case, "all", frames / calls, spread, ">= 1", len(shares)))
    return rows


def delay_rows(ours: Delays, bare: Delays, what: str, way: Way = PLAIN, goal: str | None = None) -> list[Row]:
    """Return the row of the delays, each the median of a round; none if a close frame is missing in each call of a round."""
    mine, theirs = ([statistics.median(each) for each in _seen(kind) if each] for kind in (ours, bare))
    if not len(mine) == len(theirs) == len(ours):  # a round in which a close frame is missing
        return []
    times = " / ".join(f"{min(kind) * 1e3:.2f}" for kind in (mine, theirs))
    case = f"{what}, median: {times} ms"
    return [Row.of_best(f"background{way.name}", case, "a bare close frame", mine, theirs, goal)]


def _seen(delays: Delays) -> list[list[float]]:
    return [[delay for delay in each if delay is not None] for each in delays]
