"""How many messages a second does a burst deliver, compared with the clients of other real-time products?

Each speaks its own protocol with a server that speaks just enough of it, and gets the same JSON in it.
"""

from __future__ import annotations

from .bench_burst import COUNT, QUICK_COUNT, QUICK_ROUNDS, ROUNDS, WARM, draw, rows_of
from .receiving import Rival, receive
from .row import Row
from .run import Run

__all__ = ["RIVALS", "measure"]

RIVALS = (
    Rival(
        "centrifuge-python",
        "on_centrifuge:receive",
        "delivered; theirs: own protocol in JSON, asyncio, dicts, in its callback",
        ">= 3",
        "centrifuge",
    ),
    Rival(
        "python-socketio",
        "on_socketio:receive",
        "delivered; theirs: own protocol, asyncio, dicts, in its callback",
        ">= 6",
        "socketio",
    ),
    Rival(
        "nats-py",
        "on_nats:receive_bytes",
        "delivered; theirs: own protocol without WebSocket, asyncio, bytes, nothing decoded",
        ">= 1.5",
        "nats",
    ),
    Rival(
        "nats-py + json.loads",
        "on_nats:receive_dicts",
        "delivered; theirs: own protocol without WebSocket, asyncio, dicts",
        None,
        "nats",
    ),
)


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    rounds, count = (QUICK_ROUNDS, QUICK_COUNT) if run.quick else (ROUNDS, COUNT)
    readings = receive(run, RIVALS, rounds=rounds, warm=WARM, count=count)
    if run.plot is not None:
        draw(run.plot, "products", "A burst, as the products' own clients deliver it", readings)
    return rows_of("products", readings, RIVALS)
