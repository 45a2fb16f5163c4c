"""How much CPU time does a fragment of a text message take, and how long do a million of them block the loop?

A server may send any message in fragments, as short as it likes, and empty ones between them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from .bench_worst_step import longest_step
from .frames import message
from .process import LeftOutError
from .receiving import OURS, Rival, compare, receive
from .row import Row
from .run import Run
from .speakers import EMPTY, FRAGMENT

__all__ = ["measure"]

_RIVAL = Rival(
    "trio-websocket + json + cattrs",
    "on_trio_websocket:receive",
    "typed events in a loop (Trio)",
    "<= 0.25",
    tls_goal="<= 0.25",
)
PIECES = -(-len(message(0)) // FRAGMENT)
KINDS = {
    "fragments": (PIECES, f"of a message of {PIECES}, {FRAGMENT} bytes each", {"warm": 5, "count": 150}),
    "empty_fragments": (EMPTY, f"of {EMPTY:,} empty ones in a message", {"warm": 1, "count": 2}),
}
"""For each speaker: the fragments of a message, a description, and how many messages are received."""
ROUNDS, QUICK_ROUNDS = 20, 3
MANY = 1_000_000
_MANY_BYTES = 2 * MANY + 1024


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    for way, part in run.each_way():
        for number, (speaker, (pieces, what, counts)) in enumerate(KINDS.items()):
            ours, rival = attrs.evolve(OURS, speaker=speaker), attrs.evolve(_RIVAL, speaker=speaker)
            halves = part.part(0.4 * number, 0.4 * (number + 1))
            readings = receive(halves, [rival], rounds=rounds, ours=ours, way=way, **counts)
            rows += compare(
                "fragments", readings, [rival], _cost(pieces), f"us of CPU a fragment {what}", ours, way=way
            )
        part.tell(0.8, f"{MANY:,} empty fragments")
        try:
            step = longest_step(way, "empty fragments", _MANY_BYTES)
        except LeftOutError as reason:
            run.leave_out(f"{MANY:,} empty fragments{way.name}", reason)
        else:
            case = f"{MANY:,} empty fragments in a message: {step:.1f} ms for the longest step"
            rows.append(Row(f"fragments{way.name}", case, "1 ms", step, goal="<= 10"))
    return rows


def _cost(pieces: int) -> Callable[[dict[str, float]], float]:
    return partial(_microseconds, pieces)


def _microseconds(pieces: int, reading: dict[str, float]) -> float:
    return reading["cpu"] * 1e6 / pieces
