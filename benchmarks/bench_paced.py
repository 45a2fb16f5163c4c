"""At 2,000 single messages a second, what does one cost the processor, from the socket into the application's loop?

Messages as people and programs send them, each on its own. Nobody is faster here than the server speaks, so it is the
process's own processor time that is compared, the kernel's share included; factors of bursts say nothing about it.
"""

from __future__ import annotations

from .pictures import bars
from .receiving import OURS, Readings, Rival, median_of, receive
from .row import Row
from .run import Run

__all__ = ["RIVALS", "measure", "rows_of"]

PACE = 2_000.0
RIVALS = (
    Rival(
        "trio-websocket + json + cattrs",
        "on_trio_websocket:receive",
        "both: Trio, typed frozen events",
        "<= 0.70",
    ),
    Rival("websockets.trio + json + cattrs", "on_websockets_trio:receive", "both: Trio, typed frozen events"),
    Rival("websockets.asyncio + json.loads", "on_websockets_asyncio:receive", "theirs: asyncio, dicts, no typed event"),
    Rival(
        "picows + orjson + cattrs",
        "on_picows:receive_typed",
        "theirs: Cython, asyncio, in its callback, no async for",
    ),
    Rival("bare Trio stream", "limit:receive", "theirs: nothing parsed, bytes only: the limit of all Trio"),
)
WARM = 500
COUNT, QUICK_COUNT = 6_000, 2_000
ROUNDS, QUICK_ROUNDS = 9, 5


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    rounds, count = (QUICK_ROUNDS, QUICK_COUNT) if run.quick else (ROUNDS, COUNT)
    readings = receive(run, RIVALS, rounds=rounds, warm=WARM, count=count, pace=PACE)
    if run.plot is not None:
        costs = {name: [each["cpu"] * 1e6 for each in readings[name]] for name in readings}
        unit = "microseconds of processor time a message (less is better; median and range of the rounds)"
        bars(run.plot, "paced", f"{PACE:,.0f} single messages a second", unit, costs)
    return rows_of(readings)


def rows_of(readings: Readings) -> list[Row]:
    """Divide our processor time by each of the others'."""
    rows = []
    for rival in RIVALS:
        if rival.name not in readings or OURS.name not in readings:
            continue
        ours, theirs = ([reading["cpu"] for reading in readings[name]] for name in (OURS.name, rival.name))
        costs = " / ".join(f"{median_of(readings, name, 'cpu') * 1e6:.0f}" for name in (OURS.name, rival.name))
        rows.append(Row.of("paced", f"{costs} us of CPU a message; {rival.note}", rival.name, ours, theirs, rival.goal))
    return rows
