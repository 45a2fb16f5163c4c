"""How late does a lease end, when 5,000 idle clients share the process?

A client in manual mode goes to the background with a lease of 10 ms, again and again. The lateness is the time from the
deadline until the application sees the status. The other clients are idle: they send keepalive pings and receive pongs. In
further rows Python collects no garbage, because collections make the latest 1 % of the leases late; or, but not in a quick run,
collects it as rarely as `docs/how-to/many-clients.md` recommends; or the others send no pings, which separates the cost of the
pings from that of the number of clients. There is no twin over TLS: from the deadline to the status no byte passes through a socket.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .crowds import LARGE, gathered
from .row import Row
from .run import PLAIN

if TYPE_CHECKING:
    from .crowds import Reading
    from .run import Run

__all__ = ["measure"]

_PERCENTILES = {"p50": 50, "p99": 99}
_KINDS = {
    "among": "with keepalive",
    "uncollected": "with keepalive, no garbage collected",
    "settled": "with keepalive, garbage collection as the how-to guide has it",
    "silent": "without keepalive pings",
}
_GOALS = {("p99", "among"): "<= 1.3", ("p99", "uncollected"): "<= 1.3"}


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = gathered(run, LARGE, PLAIN)
    rows = []
    alone = [reading for each in rounds for reading in each.alone]
    for part in _PERCENTILES:
        for kind, what in _KINDS.items():
            if among := [reading for each in rounds for reading in getattr(each, kind)]:
                rows.append(_row(part, what, among, alone, _GOALS.get((part, kind))))
    return rows


def _row(part: str, what: str, among: Sequence[Reading], alone: Sequence[Reading], goal: str | None) -> Row:
    """Return the row of one percentile of all leases together. The spread is that of the readings."""
    number = _PERCENTILES[part]
    ours, theirs = (_percentile([late for each in every for late in each["late"]], number) for every in (among, alone))
    ratios = [
        _percentile(one["late"], number) / _percentile(other["late"], number)
        for one, other in zip(among, alone, strict=True)
    ]
    leases = sum(len(each["late"]) for each in among)
    case = f"{part} of {leases:,} leases, {LARGE:,} clients {what}: {ours * 1e3:.2f} / {theirs * 1e3:.2f} ms"
    return Row("lateness", case, "1 client", ours / theirs, max(ratios) - min(ratios), goal, len(ratios))


def _percentile(values: Sequence[float], number: int) -> float:
    return statistics.quantiles(values, n=100)[number - 1]
