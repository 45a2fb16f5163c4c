"""Crowds of idle clients, gathered once for all questions about them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from .process import LeftOutError, Process
from .run import Run, Way

__all__ = ["BARE", "LARGE", "SMALL", "Gathered", "gathered", "grow", "sizes"]

BARE = "trio-websocket, bare connection"
SMALL, LARGE = 1_000, 5_000
SAMPLES, QUICK_SAMPLES = 300, 150  # leases for each reading
READINGS, QUICK_READINGS = 3, 2  # of the leases, in the large crowd
ROUNDS, QUICK_ROUNDS = {SMALL: 5, LARGE: 3}, {SMALL: 1, LARGE: 1}
GROWTH = (1, 10, 100, SMALL, LARGE)  # clients
EACH, FEWEST = 20, 4_000  # messages to each client, and messages in a burst at least
BURSTS, QUICK_BURSTS = 3, 2  # at each size
_KEEPALIVES = 15.0  # seconds until clients send their first ping, which may make leases late

Reading = dict[str, Any]


@attrs.frozen
class Gathered:
    """The figures of one round with crowds of one size.

    Attributes:
        theirs, saved, ours: the mean `seconds` and `cpu` for a client to connect, and its mean `bytes` of memory: of
            trio-websocket's bare connections, of our clients with a saved session, and of our clients that log in. A quick
            run does not gather those: their memory is the same, and no goal is about the time of a login.
        alone, among, uncollected, settled, silent: by how many seconds each lease ends `late`: of a client alone, and, in a
            large crowd, of one among ours, and of one while no garbage is collected. Without goals, and so not in a quick run:
            of one with rare collections, and of one among ours that send no keepalive pings.
        costs: the microseconds of CPU time of a message, by the number of clients, while the large crowd grows.
        smaller: the figures of the first clients of a large crowd, which are the small crowd of a quick run.
    """

    theirs: Reading
    saved: Reading
    ours: Reading | None = None
    alone: list[Reading] = attrs.field(factory=list)
    among: list[Reading] = attrs.field(factory=list)
    uncollected: list[Reading] = attrs.field(factory=list)
    settled: list[Reading] = attrs.field(factory=list)
    silent: list[Reading] = attrs.field(factory=list)
    costs: dict[int, list[float]] = attrs.field(factory=dict)
    smaller: Gathered | None = None

    @property
    def memory(self) -> float:
        """The bytes of a client of ours."""
        return float((self.ours or self.saved)["bytes"])


def sizes(run: Run, way: Way) -> tuple[int, ...]:
    """Return the numbers of clients that are measured. A quick run has no large crowd over TLS, which has no goal of its own."""
    return (SMALL, LARGE) if way.is_plain or not run.quick else (SMALL,)


@functools.cache
def gathered(run: Run, clients: int, way: Way) -> list[Gathered]:
    """Gather crowds of one size, ours and trio-websocket's in turn, each with a server and a process of its own.

    In a quick run the small crowd is the beginning of the large one, if that can be gathered.
    """
    if clients == SMALL and _is_part_of_large(run, way) and (large := gathered(run, LARGE, way)):
        return [each.smaller for each in large if each.smaller is not None]
    rounds = (QUICK_ROUNDS if run.quick else ROUNDS)[clients]
    found = []
    for number in range(rounds):

        def tell(part: float, words: str, number: int = number) -> None:
            words = f"{clients:,} clients{way.name}: {words}, round {number + 1} of {rounds}"
            run.tell((number + part) / rounds, words)

        try:
            found.append(_gather(run, clients, way, tell))
        except LeftOutError as reason:
            run.leave_out(f"{clients:,} clients{way.name}", reason)
            return []
    return found


def _gather(run: Run, clients: int, way: Way, tell: Callable[[float, str], object]) -> Gathered:
    steps = (SMALL, clients) if clients == LARGE and _is_part_of_large(run, way) else (clients,)
    tell(0.0, "trio-websocket's connect")
    *first, theirs = _alone("trio_websocket", steps, way)
    ours = None
    if not run.quick:
        tell(0.2, "ours log in and connect")
        *_, ours = _alone("ours", steps, way)
    tell(0.4, "ours connect from a saved session")
    if clients == SMALL or not way.is_plain:
        *_, saved = _alone("ours_saved", steps, way)
        return Gathered(theirs, saved, ours)
    smaller = Gathered(first[0], {}) if first else None
    return _leases(run, steps, tell, Gathered(theirs, {}, ours, smaller=smaller))


def _is_part_of_large(run: Run, way: Way) -> bool:
    return run.quick and LARGE in sizes(run, way)


def grow(server: Process, crowd: Process, most: int, bursts: int) -> dict[int, list[float]]:
    """Let an empty crowd grow to *most* clients; return the microseconds of CPU time of a message of each burst at each size.

    Each client gets the same number of messages at a time, whatever the size is. A small crowd gets them many times.
    """
    there, costs = 0, {}
    for size in (each for each in GROWTH if each <= most):
        crowd.ask(do="gather", port=server.greeting["port"], clients=size - there)
        there = size
        times = max(1, FEWEST // (EACH * size))
        count = EACH * size * times
        taken = []
        for _ in range(bursts):
            crowd.ask(do="expect", count=count)
            before = crowd.ask(do="usage")["cpu"]
            server.ask(push=EACH, times=times)
            crowd.ask(do="received")
            taken.append((crowd.ask(do="usage")["cpu"] - before) / count * 1e6)
        costs[size] = taken
    return costs


def _alone(kind: str, steps: Sequence[int], way: Way) -> list[Reading]:
    with (
        Process("benchmarks.crowd_server", environment=way.environment) as server,
        Process("benchmarks.crowd", kind, environment=way.environment) as crowd,
    ):
        return _gather_in_steps(crowd, server.greeting["port"], steps)


def _gather_in_steps(crowd: Process, port: int, steps: Sequence[int]) -> list[Reading]:
    """Gather clients until there are as many as each of *steps*; return the means of all clients that are there then."""
    there, sums, means = 0, dict[str, float](), []
    for size in steps:
        reading = crowd.ask(do="gather", port=port, clients=size - there)
        sums = {name: sums.get(name, 0.0) + mean * (size - there) for name, mean in reading.items()}
        there = size
        means.append({name: total / size for name, total in sums.items()})
    return means


def _leases(run: Run, steps: Sequence[int], tell: Callable[[float, str], object], known: Gathered) -> Gathered:
    def leases(crowd: Process, port: int, after: float = 0.0) -> list[Reading]:
        samples, readings = (QUICK_SAMPLES, QUICK_READINGS) if run.quick else (SAMPLES, READINGS)
        return [crowd.ask(do="lateness", port=port, samples=samples, after=after) for _ in range(readings)]

    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", "ours_saved") as crowd:
        port = server.greeting["port"]
        alone = leases(crowd, port)
        *first, saved = _gather_in_steps(crowd, port, steps)
        tell(0.6, "a lease among them")
        among = leases(crowd, port, _KEEPALIVES)
        crowd.ask(do="uncollected")
        uncollected, settled = leases(crowd, port), []
        if not run.quick:
            crowd.ask(do="settle")
            settled = leases(crowd, port)
    tell(0.8, "growing, without pings")
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", "ours_silent") as crowd:
        costs = grow(server, crowd, steps[-1], QUICK_BURSTS if run.quick else BURSTS)
        silent = [] if run.quick else leases(crowd, server.greeting["port"])
    return attrs.evolve(
        known,
        saved=saved,
        alone=alone,
        among=among,
        uncollected=uncollected,
        settled=settled,
        silent=silent,
        costs=costs,
        smaller=known.smaller and attrs.evolve(known.smaller, saved=first[0]),
    )
