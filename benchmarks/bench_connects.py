"""How many clients connect in a second, 32 of them at a time, from one process?

Ours opens a client, logs in (the REST response comes from the same process) and connects; trio-websocket opens a
connection. Both send the auth frame and receive its response.
"""

from __future__ import annotations

import statistics

from .crowds import LARGE, SMALL, gathered
from .row import Row
from .run import Run

__all__ = ["measure"]


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    for clients in (SMALL, LARGE):
        if rounds := gathered(run, clients):
            ours, theirs = [1 / r.ours["seconds"] for r in rounds], [1 / r.theirs["seconds"] for r in rounds]
            rates = " / ".join(f"{statistics.median(rate):,.0f}" for rate in (ours, theirs))
            case = f"{clients:,} clients: {rates} a second; ours: login and the whole client, theirs: a socket"
            rows.append(Row.of("connects", case, "trio-websocket, bare connection", ours, theirs))
    return rows
