"""How many messages does a burst deliver in a second of CPU time, compared with the clients of other real-time products?

Each client uses its own protocol, with a server that implements just enough of it, and gets the same JSON.
"""

from __future__ import annotations

from .bench_burst import COUNT, ROUNDS, WARM
from .receiving import Rival, compare, draw, measured, rate, receive
from .row import Row
from .run import Run

__all__ = ["RIVALS", "measure"]

RIVALS = (
    Rival(
        "centrifuge-python",
        "on_centrifuge:receive",
        "dicts in its callback, own protocol in JSON (asyncio)",
        ">= 3",
        "centrifuge",
    ),
    Rival(
        "python-socketio",
        "on_socketio:receive",
        "dicts in its callback, own protocol in JSON (asyncio)",
        ">= 6",
        "socketio",
    ),
    Rival(
        "nats-py + json.loads",
        "on_nats:receive_dicts",
        "dicts in its callback, no WebSocket (asyncio)",
        ">= 1.5",
        "nats",
    ),
    Rival(
        "nats-py, async for",
        "on_nats:iterate",
        "bytes in an async for, nothing decoded, no WebSocket (asyncio)",
        None,
        "nats",
    ),
    Rival(
        "nats-py, bytes",
        "on_nats:receive_bytes",
        "bytes in its callback, nothing decoded, no WebSocket (asyncio)",
        None,
        "nats",
    ),
)

QUICK_ROUNDS = 13


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    rows = []
    for way, part in run.each_way():
        rivals = measured(run, RIVALS, way)
        if not rivals:
            continue
        readings = receive(part, rivals, rounds=rounds, warm=WARM, count=COUNT, way=way)
        if run.plot is not None and way.is_plain:
            title = "A burst, as the clients of other products deliver theirs (more is better)"
            draw(run.plot / "products.png", title, readings, RIVALS, rate, "messages a second of CPU time")
        rows += compare("products", readings, rivals, rate, "msg/s of CPU", way=way)
    return rows
