"""How late does a lease end, when 5,000 idle clients share the process?

A client in manual mode goes to the background with a lease of 10 ms, again and again; what is measured is how long after
its deadline the application is told. The others are as idle clients are: they send and get their keepalive pings.
"""

from __future__ import annotations

import statistics

from .crowds import LARGE, SAMPLES, Gathered, gathered
from .row import Row
from .run import Run

__all__ = ["measure"]

_GOALS = {"p99": "<= 1.3"}


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    rows = []
    rounds = gathered(run, LARGE)
    for part in ("p50", "p99") if rounds else ():
        among, alone = ([late[part] for late in lates] for lates in _in_pairs(rounds))
        times = " / ".join(f"{statistics.median(late) * 1e3:.2f}" for late in (among, alone))
        case = f"{part} of {SAMPLES} leases a reading, {LARGE:,} clients with keepalive: {times} ms"
        rows.append(Row.of("lateness", case, "1 client", among, alone, _GOALS.get(part)))
    return rows


def _in_pairs(rounds: list[Gathered]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    return [late for each in rounds for late in each.among], [late for each in rounds for late in each.alone]
