"""In a burst, how many messages a second get from the socket into the application's loop?

Hundreds of frames to a TCP send: a room catching up, a reconnect. Not what chatting people cause: see `bench_paced`.
"""

from __future__ import annotations

import pathlib

from .pictures import bars
from .receiving import OURS, Readings, Rival, median_of, receive
from .row import Row
from .run import Run

__all__ = ["RIVALS", "draw", "measure", "rows_of"]

LIMIT = "bare Trio stream"
RIVALS = (
    Rival(
        "trio-websocket + json + cattrs",
        "on_trio_websocket:receive",
        "both: Trio, typed frozen events",
        ">= 7",
    ),
    Rival("websockets.trio + json + cattrs", "on_websockets_trio:receive", "both: Trio, typed frozen events"),
    Rival(
        "websockets.asyncio + json.loads",
        "on_websockets_asyncio:receive",
        "theirs: asyncio, dicts, no typed event",
        ">= 2.0",
    ),
    Rival(
        "picows + orjson + cattrs",
        "on_picows:receive_typed",
        "theirs: Cython, asyncio, in its callback, no async for",
        ">= 1.3",
    ),
    Rival(
        "picows + json.loads",
        "on_picows:receive_dicts",
        "theirs: Cython, asyncio, dicts, in its callback, no async for",
    ),
    Rival("cometconn by batch()", "ours:batches", "both: ours; what the async for costs"),
    Rival(LIMIT, "limit:receive", "theirs: nothing parsed, bytes only: the limit of all Trio"),
)
WARM = 5_000
COUNT, QUICK_COUNT = 60_000, 25_000
ROUNDS, QUICK_ROUNDS = 11, 5


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    rounds, count = (QUICK_ROUNDS, QUICK_COUNT) if run.quick else (ROUNDS, COUNT)
    readings = receive(run, RIVALS, rounds=rounds, warm=WARM, count=count)
    if run.plot is not None:
        draw(run.plot, "burst", "A burst: from the socket into the application", readings)
    return rows_of("burst", readings, RIVALS)


def draw(folder: pathlib.Path, name: str, title: str, readings: Readings) -> None:
    """Draw the rates, all but the limit's, beside which nothing could be seen."""
    rates = {who: [1 / each["seconds"] for each in readings[who]] for who in readings if who != LIMIT}
    bars(folder, name, title, "messages a second (more is better; median and range of the rounds)", rates)


def rows_of(question: str, readings: Readings, rivals: tuple[Rival, ...]) -> list[Row]:
    """Divide our rate by each of the others'."""
    rows = []
    for rival in rivals:
        if rival.name not in readings or OURS.name not in readings:
            continue
        ours, theirs = ([1 / reading["seconds"] for reading in readings[name]] for name in (OURS.name, rival.name))
        rates = " / ".join(f"{1 / median_of(readings, name, 'seconds'):,.0f}" for name in (OURS.name, rival.name))
        rows.append(Row.of(question, f"{rates} msg/s; {rival.note}", rival.name, ours, theirs, rival.goal))
    return rows
