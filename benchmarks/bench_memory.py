"""How much resident memory does an idle connection take: a whole client of ours, and a bare trio-websocket connection?

Ours is logged in, and has its tasks, a stream of events and a `MemoryStore`. Both have a task of the application that
waits for the next message, and have sent one ping. The server is a process of its own and not counted.
"""

from __future__ import annotations

import statistics

from .crowds import LARGE, SMALL, gathered
from .row import Row
from .run import Run

__all__ = ["measure"]

_KIB = 1024


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    for clients in (SMALL, LARGE):
        if rounds := gathered(run, clients):
            ours, theirs = [r.ours["bytes"] for r in rounds], [r.theirs["bytes"] for r in rounds]
            sizes = " / ".join(f"{statistics.median(size) / _KIB:.1f}" for size in (ours, theirs))
            case = f"{clients:,} clients: {sizes} KiB each; ours: the whole client, theirs: a socket"
            rows.append(Row.of("memory", case, "trio-websocket, bare connection", ours, theirs, "<= 2.0"))
    return rows
