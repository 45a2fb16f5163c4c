"""What does `cometconn.aio` cost, compared with the same client in Trio, and with other clients on asyncio?

It is Trio's client, which runs as a guest of the asyncio loop. A burst crosses from Trio to asyncio once for many messages, a
single message once for each, and a call such as `ping()` twice. Calls have no twin over TLS: what they cost is the way between
the two loops, above the transport. For the same reason a quick run measures messages over plain TCP only, and only both clients
of ours, between which there are goals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from .process import Process
from .receiving import Readings, Rival, compare, cost, rate, receive
from .row import Row
from .run import PLAIN, Run, Way, interleave

__all__ = ["AIO", "CALLS", "RIVALS", "measure", "rows_of"]

AIO = Rival("cometconn.aio", "ours_asyncio:receive", "typed events in an async for (asyncio)")
RIVALS = (
    Rival("cometconn", "ours:receive", "typed events in an async for (Trio)"),
    Rival("cometconn.aio on uvloop", "ours_asyncio:receive_on_uvloop", "typed events in an async for (uvloop)"),
    Rival("picows + orjson + cattrs", "on_picows:receive_typed", "typed events in its callback (asyncio, Cython)"),
    Rival("websockets.asyncio + json.loads", "on_websockets_asyncio:receive", "dicts in an async for (asyncio)"),
)
GOALS = {"burst": ">= 0.8", "paced": "<= 2.9", "ping": "<= 3.1", "memory": "<= 1.6"}
"""The ratios to the same client in Trio: those of a prototype, and a fifth."""
PACE = 500.0
BURST = {"warm": 500, "count": 12_000}
PACED, QUICK_PACED = {"warm": 50, "count": 500}, {"warm": 20, "count": 100}
ROUNDS, QUICK_ROUNDS = 20, 3
CALL_ROUNDS, QUICK_CALL_ROUNDS = 7, 1
CALLS = {"ping": {"warm": 200, "count": 2_000}, "memory": {"warm": 10, "count": 100}}
"""What both clients of ours do beside a server that answers pings, and how often."""


def _microseconds(reading: dict[str, float]) -> float:
    return reading["seconds"] * 1e6


def _kibibytes(reading: dict[str, float]) -> float:
    return reading["bytes"] / 1024


FIGURES: dict[str, tuple[tuple[Callable[[dict[str, float]], float], str, str | None], ...]] = {
    "ping": ((cost, "us of CPU a ping()", GOALS["ping"]), (_microseconds, "us until a ping() returns", None)),
    "memory": ((_kibibytes, "KiB for a further client with a stream", GOALS["memory"]),),
}


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds, burst, paced = (QUICK_ROUNDS, BURST, QUICK_PACED) if run.quick else (ROUNDS, BURST, PACED)
    rows = []
    rivals = RIVALS[:1] if run.quick else RIVALS
    for way, part in attrs.evolve(run, ways=run.ways[:1] if run.quick else run.ways).each_way():
        received = receive(part.part(0.0, 0.4), rivals, rounds=rounds, ours=AIO, way=way, **burst)
        singly = receive(part.part(0.4, 0.8), rivals, rounds=rounds, ours=AIO, way=way, pace=PACE, **paced)
        calls = {name: _call(part.part(0.8, 1.0), name) for name in CALLS if way.is_plain}
        rows += rows_of(received, singly, calls, way)
    return rows


def rows_of(burst: Readings, paced: Readings, calls: dict[str, Readings], way: Way = PLAIN) -> list[Row]:
    """Return the rows: first what all receive, then what only ours do."""
    trio, *others = RIVALS
    rows = [
        *compare("asyncio", burst, [_with(GOALS["burst"]), *others], rate, "msg/s of CPU in a burst", AIO, way=way),
        *compare(
            "asyncio",
            paced,
            [_with(GOALS["paced"]), *others],
            cost,
            f"us of CPU a message at {PACE:,.0f} a second",
            AIO,
            way=way,
        ),
    ]
    ours = attrs.evolve(AIO, gives="asyncio")
    for name, readings in calls.items():
        for figure, unit, goal in FIGURES[name]:
            rows += compare("asyncio", readings, [attrs.evolve(trio, gives="Trio", goal=goal)], figure, unit, ours)
    return rows


def _with(goal: str) -> Rival:
    return attrs.evolve(RIVALS[0], goal=goal, tls_goal=goal)


def _call(run: Run, name: str) -> Readings:
    """Let both of ours do it. Each round has new processes, because memory that an earlier round has freed costs nothing."""
    rounds = QUICK_CALL_ROUNDS if run.quick else CALL_ROUNDS
    with Process("benchmarks.crowd_server") as server:
        takes = {
            client: partial(_alone, f"{module}:{name}", {"port": server.greeting["port"], **CALLS[name]})
            for client, module in ((AIO.name, "ours_asyncio"), (RIVALS[0].name, "ours"))
        }
        return interleave(run, rounds, takes)


def _alone(target: str, job: dict[str, int]) -> dict[str, float]:
    with Process("benchmarks.contender", target) as contender:
        return contender.ask(**job)
