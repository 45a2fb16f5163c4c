"""How long does `import cometconn` take, compared with the libraries that it uses?

Each import has an interpreter of its own, whose start is not counted. No socket is opened, with or without TLS.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from .new_process import new_processes
from .row import Row
from .run import Run, interleave

__all__ = ["measure"]

OURS, THEIRS = "import cometconn", "import trio, trio_websocket, attrs, cattrs, msgspec"
ROUNDS, QUICK_ROUNDS = 21, 5


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    with new_processes() as start:
        takes = {statement: functools.partial(_seconds, start, statement) for statement in (OURS, THEIRS)}
        for take in takes.values():
            take()  # compiles the modules and brings them into the system's file cache
        taken = interleave(run, QUICK_ROUNDS if run.quick else ROUNDS, takes)
    times = " / ".join(f"{min(taken[statement]) * 1e3:.0f}" for statement in (OURS, THEIRS))
    return [Row.of_best("import", f"{OURS}: {times} ms", THEIRS, taken[OURS], taken[THEIRS], "<= 1.3")]


def _seconds(start: Callable[[str], str], statement: str) -> float:
    return float(start(f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"))
