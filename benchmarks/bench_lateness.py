"""How late does a lease end, when 5,000 idle clients share the process?

A client in manual mode goes to the background with a lease of 10 ms, again and again. The lateness is the time from the
deadline until the application sees the status. The other clients are idle: they send keepalive pings and receive pongs. In
further rows they send no pings, which separates the cost of the pings from that of the number of clients, or Python collects
garbage as rarely as `docs/how-to/many-clients.md` recommends, because collections make the latest 1 % of the leases late.
"""

from __future__ import annotations

import statistics

from .crowds import LARGE, SAMPLES, gathered
from .row import Row
from .run import Run

__all__ = ["measure"]

_GOALS = {"p99": "<= 1.3"}


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = gathered(run, LARGE)
    if not rounds:
        return []
    alone = [late for each in rounds for late in each.alone]
    among = [late for each in rounds for late in each.among]
    settled = [late for each in rounds for late in each.among_settled]
    silent = [late for each in rounds for late in each.among_silent]
    rows = []
    for part in ("p50", "p99"):
        rows.append(_row(part, "with keepalive", among, alone, _GOALS.get(part)))
        if settled:
            rows.append(
                _row(part, "with keepalive, garbage collection as the how-to guide has it", settled, alone, None)
            )
        rows.append(_row(part, "without keepalive pings", silent, alone, None))
    return rows


def _row(part: str, what: str, among: list[dict[str, float]], alone: list[dict[str, float]], goal: str | None) -> Row:
    ours, theirs = ([late[part] for late in lates] for lates in (among, alone))
    times = " / ".join(f"{statistics.median(late) * 1e3:.2f}" for late in (ours, theirs))
    case = f"{part} of {SAMPLES} leases a reading, {LARGE:,} clients {what}: {times} ms"
    return Row.of("lateness", case, "1 client", ours, theirs, goal)
