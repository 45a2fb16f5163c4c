"""How soon after `enter_background()` does the server have the close frame, and does it always get one?

Compared with a close frame that is written to an open socket by hand. Nothing else is being written.
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

__all__ = ["delays", "measure"]

TIMES = 40
ROUNDS, QUICK_ROUNDS = 25, 7
_LATE = 0.1  # seconds for the last close frame, should the server be slow


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    ours: list[list[float | None]] = []
    bare: list[list[float | None]] = []
    with (
        Process("benchmarks.replay", "cometchat", 0) as server,
        Process("benchmarks.contender", "leaving:leave") as contender,
    ):
        known = 0
        for number in range(rounds):
            run.tell(number / rounds, f"{TIMES} times to the background, round {number + 1} of {rounds}")
            try:
                called = contender.ask(port=server.greeting["port"], times=TIMES)
                time.sleep(_LATE)
                links = server.ask()["links"]
            except LeftOutError as reason:
                run.leave_out("enter_background()", reason)
                return []
            ours.append(delays(called["ours"], [link for link in links[known:] if link["device"] != DEVICE]))
            bare.append(delays(called["bare"], [link for link in links[known:] if link["device"] == DEVICE]))
            known = len(links)
    return _rows(ours, bare)


def delays(calls: Sequence[float], links: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Return for each of *calls*, which ended one of *links* each, how long it took to the close frame; `None`: for ever.

    Both are in order. There may be more links: the last one was ended by leaving.
    """
    closed = [link["closed_at"] for link in links]
    return [None if at is None else at - call for call, at in zip(calls, closed, strict=False)]


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
