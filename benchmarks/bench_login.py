"""How long does a login with an auth key take, in a new process and later, compared with its two requests by httpx2 alone?

One request creates an auth token and the other one fetches the user and the settings. Ours opens a client for each login.
httpx2 opens one, too, and makes both requests on one connection. In a new process both import httpx2 first, and ours its other
parts.
"""

from __future__ import annotations

import functools

from .process import Process
from .row import Row
from .run import Run, Way, interleave

__all__ = ["measure"]

TIMES = 20  # of the later logins
ROUNDS, QUICK_ROUNDS = 15, 1
_WHEN = {"cold": "the first in a process", "warm": f"one of {TIMES} later ones"}
Reading = dict[str, dict[str, float]]


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    for way, part in run.each_way():
        with Process("benchmarks.rest_server", environment=way.environment) as server:
            port = server.greeting["port"]
            takes = {name: functools.partial(_take, name, port, way) for name in ("ours", "theirs")}
            taken = interleave(part, QUICK_ROUNDS if run.quick else ROUNDS, takes)
        rows += rows_of(taken, way)
    return rows


def rows_of(taken: dict[str, list[Reading]], way: Way) -> list[Row]:
    """Return the rows of one transport; none if one of the two was left out."""
    rows = []
    for when, words in _WHEN.items():
        if "ours" in taken and "theirs" in taken:
            ours, theirs = ([each[when]["seconds"] for each in taken[name]] for name in ("ours", "theirs"))
            costs = " / ".join(f"{min(each[when]['cpu'] for each in taken[name]) * 1e3:.1f}" for name in taken)
            case = f"{words}: {min(ours) * 1e3:.1f} / {min(theirs) * 1e3:.1f} ms, of them {costs} ms of CPU"
            rows.append(Row.of_best(f"login{way.name}", case, "httpx2, the same requests", ours, theirs))
    return rows


def _take(name: str, port: int, way: Way) -> Reading:
    with Process("benchmarks.contender", f"logging_in:{name}", environment=way.environment) as contender:
        cold = contender.ask(port=port, times=1)
        return {"cold": cold, "warm": contender.ask(port=port, times=TIMES)}
