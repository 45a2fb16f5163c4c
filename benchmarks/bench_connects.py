"""How many clients connect in a second of CPU time, 32 of them at a time, from one process?

Ours opens a client and connects: with the session that an earlier run saved, as after a restart, without a request; or after
a login, whose REST response comes from the same process. trio-websocket opens a connection. All send the auth frame and
receive its response. A round is a tenth of a crowd; the parts of ours and of theirs are gathered in turn.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from .crowds import BARE, gathered, sizes
from .row import Row
from .run import Run

__all__ = ["measure"]

_WHAT = {"saved": "from a saved session", "ours": "login included"}
_GOALS = {"saved": ">= 0.75"}


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    for way in run.ways:
        for clients in sizes(run, way):
            for kind, what in _WHAT.items():
                rounds = [each for each in gathered(run, clients, way) if getattr(each, kind) is not None]
                if rounds:
                    ours, theirs = (
                        [1 / taken for each in rounds for taken in getattr(each, name)["cpu"]]
                        for name in (kind, "theirs")
                    )
                    case = f"{clients:,} clients, {what}: {_both(ours, theirs)} a second of CPU; theirs: a socket"
                    rows.append(Row.of(f"connects{way.name}", case, BARE, ours, theirs, _GOALS.get(kind)))
    return rows


def _both(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return f"{statistics.median(ours):,.0f} / {statistics.median(theirs):,.0f}"
