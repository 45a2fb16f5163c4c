"""How long does a new process take until its first client is open, compared with importing the libraries that it uses?

Each measurement has an interpreter of its own, whose start is not counted. The client keeps its session in a file,
as it does by default, in a folder that does not exist yet. No user is logged in, and no server is needed, with or without TLS.
"""

from __future__ import annotations

import functools
import pathlib
import tempfile
from collections.abc import Callable

from .new_process import new_processes
from .row import Row
from .run import Run, interleave

__all__ = ["measure"]

OURS = """
import time
began = time.perf_counter()
import cometconn, sys, trio
async def main():
    async with cometconn.open_client("app0bench", cometconn.AppSettings(region="us"), store=sys.argv[1]):
        print(time.perf_counter() - began)
trio.run(main)
"""
LIBRARIES = "trio, trio_websocket, attrs, cattrs, msgspec, httpx2"
THEIRS = f"import time; began = time.perf_counter(); import {LIBRARIES}; print(time.perf_counter() - began)"
ROUNDS, QUICK_ROUNDS = 31, 5


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    with new_processes() as start:
        programs = {"first client": OURS, "libraries": THEIRS}
        takes = {name: functools.partial(_seconds, start, program) for name, program in programs.items()}
        for take in takes.values():
            take()  # compiles the modules and brings them into the system's file cache
        taken = interleave(run, QUICK_ROUNDS if run.quick else ROUNDS, takes)
    ours, theirs = taken["first client"], taken["libraries"]
    times = " / ".join(f"{min(seconds) * 1e3:.0f}" for seconds in (ours, theirs))
    case = f"a new process, until open_client() has handed out its first client: {times} ms"
    return [Row.of_best("cold start", case, f"import {LIBRARIES}", ours, theirs, "<= 1.6")]


def _seconds(start: Callable[[str, str], str], program: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return float(start(program, str(pathlib.Path(folder, "new", "session.json"))))
