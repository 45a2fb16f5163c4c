"""In a burst, how many messages get from the socket into the application's loop in a second of CPU time?

A burst is hundreds of frames in one send, as after a reconnect. Messages of people come one by one: see `bench_paced`.
"""

from __future__ import annotations

from .receiving import Rival, compare, draw, measured, rate, receive
from .row import Row
from .run import Run

__all__ = ["COUNT", "RIVALS", "ROUNDS", "WARM", "measure"]

RIVALS = (
    Rival(
        "trio-websocket + json + cattrs",
        "on_trio_websocket:receive",
        "typed events in a loop (Trio)",
        ">= 7",
        tls_goal=">= 8.5",
    ),
    Rival("websockets.trio + json + cattrs", "on_websockets_trio:receive", "typed events in an async for (Trio)"),
    Rival(
        "websockets.asyncio + json.loads",
        "on_websockets_asyncio:receive",
        "dicts in an async for (asyncio)",
        ">= 2.0",
        tls_goal=">= 1.7",
    ),
    Rival(
        "picows + orjson + cattrs",
        "on_picows:receive_typed",
        "typed events in its callback (asyncio, Cython)",
        ">= 1.3",
        tls_goal=">= 1.7",
    ),
    Rival("picows + json.loads", "on_picows:receive_dicts", "dicts in its callback (asyncio, Cython)"),
    Rival("cometconn, batch()", "ours:batches", "typed events, all that have come at once (Trio)"),
)
LIMIT = Rival("bare Trio stream", "limit:receive", "bytes, nothing parsed: the limit of all Trio")
WARM = 500
COUNT = 12_000
ROUNDS, QUICK_ROUNDS = 60, 17


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    rows = []
    for way, part in run.each_way():
        rivals = measured(run, (*RIVALS, LIMIT), way)
        readings = receive(part, rivals, rounds=rounds, warm=WARM, count=COUNT, way=way)
        if run.plot is not None and way.is_plain:  # the limit is so high that the other bars would not show
            title = "A burst: how many messages a second reach the application (more is better)"
            draw(run.plot / "burst.png", title, readings, RIVALS, rate, "messages a second of CPU time")
        rows += compare("burst", readings, rivals, rate, "msg/s of CPU", way=way)
    return rows
