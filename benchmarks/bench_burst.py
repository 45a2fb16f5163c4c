"""In a burst, how many messages a second get from the socket into the application's loop?

A burst is hundreds of frames in one TCP send, as after a reconnect. Messages of people come one by one: see `bench_paced`.
"""

from __future__ import annotations

from .receiving import Rival, compare, draw, rate, receive
from .row import Row
from .run import Run

__all__ = ["COUNT", "QUICK_COUNT", "QUICK_ROUNDS", "RIVALS", "ROUNDS", "WARM", "measure"]

RIVALS = (
    Rival(
        "trio-websocket + json + cattrs",
        "on_trio_websocket:receive",
        "typed events in a loop (Trio)",
        ">= 7",
    ),
    Rival("websockets.trio + json + cattrs", "on_websockets_trio:receive", "typed events in an async for (Trio)"),
    Rival(
        "websockets.asyncio + json.loads",
        "on_websockets_asyncio:receive",
        "dicts in an async for (asyncio)",
        ">= 2.0",
    ),
    Rival(
        "picows + orjson + cattrs",
        "on_picows:receive_typed",
        "typed events in its callback (asyncio, Cython)",
        ">= 1.3",
    ),
    Rival("picows + json.loads", "on_picows:receive_dicts", "dicts in its callback (asyncio, Cython)"),
    Rival("cometconn, batch()", "ours:batches", "typed events, all that have come at once (Trio)"),
)
LIMIT = Rival("bare Trio stream", "limit:receive", "bytes, nothing parsed: the limit of all Trio")
WARM = 5_000
COUNT, QUICK_COUNT = 50_000, 25_000
ROUNDS, QUICK_ROUNDS = 15, 5


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds, count = (QUICK_ROUNDS, QUICK_COUNT) if run.quick else (ROUNDS, COUNT)
    rivals = (*RIVALS, LIMIT)
    readings = receive(run, rivals, rounds=rounds, warm=WARM, count=count)
    if run.plot is not None:  # the limit is so high that the other bars would not show
        title = "A burst: how many messages a second reach the application (more is better)"
        draw(run.plot / "burst.png", title, readings, RIVALS, rate, "messages a second")
    return compare("burst", readings, rivals, rate, "msg/s")
