"""How much memory does a file of 100 MiB take, sent and received, and how fast is it?

The file goes from disk to the emulator, in a process of its own, and back to disk. The memory is that of the client's process
at its peak, above what it was before.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from .process import LeftOutError, Process
from .row import Row

if TYPE_CHECKING:
    from .run import Run

__all__ = ["measure"]

_MIB = 1024 * 1024
SIZE = 100 * _MIB
ROUNDS, QUICK_ROUNDS = 3, 1


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    taken: list[dict[str, float]] = []
    try:
        with Process("benchmarks.files_server") as server:
            for number in range(rounds):
                run.tell(number / rounds, f"a file of {SIZE // _MIB} MiB, round {number + 1} of {rounds}")
                with Process("benchmarks.files_member", server.greeting["url"]) as member:
                    taken.append(member.ask(size=SIZE))
    except LeftOutError as reason:
        run.leave_out("files", reason)
        return []
    return [_row(name, words, taken) for name, words in (("up", "sent"), ("down", "received"))]


def _row(name: str, words: str, taken: list[dict[str, float]]) -> Row:
    rate = statistics.median(SIZE / each[f"{name}_seconds"] for each in taken)
    peaks = [each[f"{name}_bytes"] / _MIB for each in taken]
    case = f"a file of {SIZE // _MIB} MiB is {words}: {rate / 1e6:.0f} MB a second; memory above that of before, at its peak"
    return Row.of("files", case, "1 MiB", peaks, [1.0] * len(peaks), "<= 8")
