"""How much memory does a file of 100 MiB take, sent and received, and how fast is it? In a quick run it has 32 MiB.

The file goes from disk to the emulator, in a process of its own, and back to disk. The memory is that of the client's process
at its peak, above what it was before.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from .process import LeftOutError, Process
from .row import Row
from .run import PLAIN

if TYPE_CHECKING:
    from .run import Run, Way

__all__ = ["measure"]

_MIB = 1024 * 1024
SIZE, QUICK_SIZE = 100 * _MIB, 32 * _MIB
ROUNDS, QUICK_ROUNDS = 3, 1


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds, size = (QUICK_ROUNDS, QUICK_SIZE) if run.quick else (ROUNDS, SIZE)
    rows = []
    for way, part in run.each_way():
        taken: list[dict[str, float]] = []
        try:
            with Process("benchmarks.files_server", environment=way.environment) as server:
                for number in range(rounds):
                    part.tell(number / rounds, f"a file of {size // _MIB} MiB, round {number + 1} of {rounds}")
                    url = server.greeting["url"]
                    with Process("benchmarks.files_member", url, environment=way.environment) as member:
                        taken.append(member.ask(size=size))
        except LeftOutError as reason:
            run.leave_out(f"files{way.name}", reason)
        else:
            rows += [_row(name, words, size, taken, way) for name, words in (("up", "sent"), ("down", "received"))]
    return rows


def _row(name: str, words: str, size: int, taken: list[dict[str, float]], way: Way = PLAIN) -> Row:
    rate = statistics.median(size / each[f"{name}_seconds"] for each in taken)
    peaks = [each[f"{name}_bytes"] / _MIB for each in taken]
    case = f"a file of {size // _MIB} MiB is {words}: {rate / 1e6:.0f} MB a second; memory above that of before, at its peak"
    return Row.of(f"files{way.name}", case, "1 MiB", peaks, [1.0] * len(peaks), "<= 8")
