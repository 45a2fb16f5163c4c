"""How soon after `enter_background()` does the server have the close frame, and does it always get one?

Compared with a close frame that is written to an open socket by hand. Nothing else is being written.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Sequence

from .process import LeftOutError, Process
from .row import Row
from .run import Run

__all__ = ["delays", "measure"]

TIMES = 40
ROUNDS, QUICK_ROUNDS = 25, 7


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    ours: list[list[float | None]] = []
    bare: list[list[float | None]] = []
    with (
        Process("benchmarks.replay", "cometchat", 0) as server,
        Process("benchmarks.contender", "leaving:leave") as contender,
    ):
        for number in range(rounds):
            run.tell(number / rounds, f"{TIMES} times to the background, round {number + 1} of {rounds}")
            try:
                called = contender.ask(port=server.greeting["port"], times=TIMES)
                closed_at = server.ask()["closed_at"]
            except LeftOutError as reason:
                run.leave_out("enter_background()", reason)
                return []
            every = sorted((*called["ours"], *called["bare"]))
            ours.append(delays(called["ours"], every, closed_at))
            bare.append(delays(called["bare"], every, closed_at))
    return _rows(ours, bare)


def delays(calls: Sequence[float], every: Sequence[float], closed_at: Sequence[float]) -> list[float | None]:
    """Return for each of *calls* how long it took to the close frame, or `None` if there was none before the next call.

    *every* has all calls, of both kinds, in order.
    """
    found: list[float | None] = []
    for call in calls:
        place = bisect.bisect_right(every, call)
        until = every[place] if place < len(every) else float("inf")
        found.append(next((closed - call for closed in closed_at if call <= closed < until), None))
    return found


def _rows(ours: list[list[float | None]], bare: list[list[float | None]]) -> list[Row]:
    question, against = "background", "a bare close frame"
    seen = [[delay for delay in each if delay is not None] for each in ours]
    by_hand = [[delay for delay in each if delay is not None] for each in bare]
    mine, theirs = ([statistics.median(each) for each in kind if each] for kind in (seen, by_hand))
    rows = []
    if len(mine) == len(theirs) == len(ours):  # no round without any
        times = " / ".join(f"{statistics.median(kind) * 1e3:.2f}" for kind in (mine, theirs))
        case = f"enter_background() to the server's close frame, median: {times} ms"
        rows.append(Row.of(question, case, against, mine, theirs, "<= 2.0"))
    calls, frames = sum(map(len, ours)), sum(map(len, seen))
    shares = [len(each) / len(every) for each, every in zip(seen, ours, strict=True)]
    case = f"close frames that the server saw: {frames:,} of {calls:,}, no write under way"
    rows.append(Row(question, case, "all", frames / calls, max(shares) - min(shares), ">= 1"))
    return rows
