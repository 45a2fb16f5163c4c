"""At 2,000 single messages a second, how much CPU time does one take, from the socket into the application's loop?

Messages come one by one, as people and programs send them. No client can be faster than the server sends, so the CPU time
of the process is compared, the kernel's share included. The ratios of bursts do not predict it.
"""

from __future__ import annotations

from .receiving import Rival, compare, cost, draw, measured, receive
from .row import Row
from .run import Run

__all__ = ["RIVALS", "measure"]

PACE = 2_000.0
RIVALS = (
    Rival(
        "trio-websocket + json + cattrs",
        "on_trio_websocket:receive",
        "typed events in a loop (Trio)",
        "<= 0.70",
        tls_goal="<= 0.62",
    ),
    Rival("websockets.trio + json + cattrs", "on_websockets_trio:receive", "typed events in an async for (Trio)"),
    Rival("websockets.asyncio + json.loads", "on_websockets_asyncio:receive", "dicts in an async for (asyncio)"),
    Rival("picows + orjson + cattrs", "on_picows:receive_typed", "typed events in its callback (asyncio, Cython)"),
    Rival("bare Trio stream", "limit:receive", "bytes, nothing parsed: the limit of all Trio"),
)
WARM = 100
COUNT, QUICK_COUNT = 800, 400
ROUNDS, QUICK_ROUNDS = 35, 13


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds, count = (QUICK_ROUNDS, QUICK_COUNT) if run.quick else (ROUNDS, COUNT)
    rows = []
    for way, part in run.each_way():
        rivals = measured(run, RIVALS, way)
        readings = receive(part, rivals, rounds=rounds, warm=WARM, count=count, pace=PACE, way=way)
        if run.plot is not None and way.is_plain:
            title = f"{PACE:,.0f} single messages a second: what one costs the processor (less is better)"
            draw(run.plot / "paced.png", title, readings, RIVALS, cost, "microseconds of processor time a message")
        rows += compare("paced", readings, rivals, cost, "us of CPU a message", way=way)
    return rows
