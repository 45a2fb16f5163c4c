"""Crowds of idle clients, gathered once for all questions about them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import attrs

from .process import LeftOutError, Process
from .run import Run

__all__ = ["LARGE", "SMALL", "Gathered", "gathered"]

SMALL, LARGE = 1_000, 5_000
SAMPLES = 300  # leases for each reading
READINGS = 3  # of the leases, in the large crowd
ROUNDS, QUICK_ROUNDS = {SMALL: 3, LARGE: 3}, {SMALL: 2, LARGE: 1}
_KEEPALIVES = 15.0  # seconds until clients send their first ping, which may make leases late


@attrs.frozen
class Gathered:
    """The figures of one round with crowds of one size.

    Attributes:
        ours, theirs: the mean `seconds` and `cpu` for a client to connect, and its mean `bytes` of memory.
        alone, among, among_settled, among_silent: how late leases end, `p50` and `p99` in seconds: of a client alone, and, in a
            large crowd, of one among ours, of one among ours with rare collections (not in a quick run), and of one among
            ours that send no keepalive pings.
    """

    ours: dict[str, Any]
    theirs: dict[str, Any]
    alone: list[dict[str, float]]
    among: list[dict[str, float]]
    among_settled: list[dict[str, float]]
    among_silent: list[dict[str, float]]


@functools.cache
def gathered(run: Run, clients: int) -> list[Gathered]:
    """Gather crowds of one size, ours and trio-websocket's in turn, each with a server and a process of its own."""
    rounds = (QUICK_ROUNDS if run.quick else ROUNDS)[clients]
    found = []
    for number in range(rounds):

        def tell(part: float, words: str, number: int = number) -> None:
            run.tell((number + part) / rounds, f"{clients:,} clients: {words}, round {number + 1} of {rounds}")

        try:
            found.append(_gather(clients, tell, settle=not run.quick))
        except LeftOutError as reason:
            run.leave_out(f"{clients:,} clients", reason)
            return []
    return found


def _gather(clients: int, tell: Callable[[float, str], object], *, settle: bool) -> Gathered:
    readings = READINGS if clients == LARGE else 0
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", "ours") as crowd:
        port = server.greeting["port"]
        lease = functools.partial(crowd.ask, do="lateness", port=port, samples=SAMPLES)
        tell(0.0, "a lease alone")
        alone = [lease() for _ in range(readings)]
        tell(0.15, "ours connect")
        ours = crowd.ask(do="gather", port=port, clients=clients)
        tell(0.4, "a lease among them")
        among = [lease(after=_KEEPALIVES) for _ in range(readings)]
        settled: list[dict[str, float]] = []
        if readings and settle:
            crowd.ask(do="settle")
            settled = [lease() for _ in range(readings)]
    tell(0.6, "trio-websocket's connect")
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", "trio_websocket") as crowd:
        theirs = crowd.ask(do="gather", port=server.greeting["port"], clients=clients)
    tell(0.8, "a lease among silent ones")
    return Gathered(ours, theirs, alone, among, settled, _among_silent(clients, readings))


def _among_silent(clients: int, readings: int) -> list[dict[str, float]]:
    if not readings:
        return []
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", "ours_silent") as crowd:
        port = server.greeting["port"]
        crowd.ask(do="gather", port=port, clients=clients)
        return [crowd.ask(do="lateness", port=port, samples=SAMPLES) for _ in range(readings)]
