"""Crowds of idle clients, gathered once for all questions about them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from .process import LeftOutError, Process
from .run import Run, Way

__all__ = ["BARE", "LARGE", "SMALL", "Costs", "Crowd", "Gathered", "crowd_of", "gathered", "grow", "sizes"]

BARE = "trio-websocket, bare connection"
SMALL, LARGE = 1_000, 5_000
SAMPLES, QUICK_SAMPLES = 300, 120  # leases for each reading
READINGS, QUICK_READINGS = 3, 2  # of the leases, in the large crowd
ROUNDS, QUICK_ROUNDS = {SMALL: 5, LARGE: 3}, {SMALL: 1, LARGE: 1}
PARTS = 10  # of a crowd: they are gathered in turn with those of the other crowds
GROWTH = (1, 10, 100, SMALL, LARGE)  # clients
EACH, FEWEST = 20, 4_000  # messages to each client, and messages in a burst at least
BURSTS, QUICK_BURSTS = 5, 3  # at each size
_KEEPALIVES = 15.0  # seconds until clients send their first ping, which may make leases late

Reading = dict[str, Any]
Costs = dict[int, list[float]]
"""Microseconds of CPU time, by the number of clients."""


@attrs.frozen
class Gathered:
    """The figures of one round with crowds of one size.

    Attributes:
        theirs, saved, ours: the seconds of CPU time that a client took to connect, `cpu`, in each part of the crowd, and its
            mean `bytes` of memory: of trio-websocket's bare connections, of our clients with a saved session, and of our
            clients that log in. A quick run does not gather those: their memory is the same, and no goal is about the time
            of a login.
        alone, among, uncollected, settled, silent: by how many seconds each lease ends `late`: of a client alone, and, in a
            large crowd, of one among ours, and of one while no garbage is collected. Without goals, and so not in a quick run:
            of one with rare collections, and of one among ours that send no keepalive pings.
        costs, beside: the microseconds of CPU time of a message, by the number of clients, while the large crowd grows; and
            of a client alone, measured in turn with each.
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
    costs: Costs = attrs.field(factory=dict)
    beside: Costs = attrs.field(factory=dict)
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
    """Gather crowds of one size, ours and trio-websocket's, each with a server and a process of its own.

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
    kinds = ("trio_websocket", "ours_saved") if run.quick else ("trio_websocket", "ours_saved", "ours")
    tell(0.0, "all connect")
    with contextlib.ExitStack() as stack:
        crowds = {kind: stack.enter_context(crowd_of(kind, way)) for kind in kinds if kind != "ours_saved"}
        with crowd_of("ours_saved", way) as saved:
            has_leases = clients == LARGE and way.is_plain
            alone = _leases(run, saved) if has_leases else []
            *first, last = _in_turn({**crowds, "ours_saved": saved}, steps)
            found = Gathered(last["trio_websocket"], last["ours_saved"], last.get("ours"), alone)
            if first:
                found = attrs.evolve(found, smaller=Gathered(first[0]["trio_websocket"], first[0]["ours_saved"]))
            if not has_leases:
                return found
            stack.close()  # the others need no time of the processor from here on
            tell(0.6, "a lease among them")
            among = _leases(run, saved, _KEEPALIVES)
            saved.ask(do="uncollected")
            uncollected, settled = _leases(run, saved), []
            if not run.quick:
                saved.ask(do="settle")
                settled = _leases(run, saved)
    tell(0.8, "growing, without pings")
    with crowd_of("ours_silent", way) as crowd:
        costs, beside = grow(crowd, steps[-1], QUICK_BURSTS if run.quick else BURSTS)
        silent = [] if run.quick else _leases(run, crowd)
    found = attrs.evolve(found, among=among, uncollected=uncollected, settled=settled, silent=silent)
    return attrs.evolve(found, costs=costs, beside=beside)


def _is_part_of_large(run: Run, way: Way) -> bool:
    return run.quick and LARGE in sizes(run, way)


@attrs.frozen
class Crowd:
    """A crowd and its server, in processes of their own."""

    kind: str
    way: Way
    server: Process
    clients: Process

    def ask(self, **job: object) -> Reading:
        """Give the crowd a job, with the server's port where it needs that; return the result."""
        if job["do"] in {"gather", "lateness"}:
            job["port"] = self.server.greeting["port"]
        return self.clients.ask(**job)


@contextlib.contextmanager
def crowd_of(kind: str, way: Way) -> Iterator[Crowd]:
    """Start an empty crowd of one kind."""
    with (
        Process("benchmarks.crowd_server", environment=way.environment) as server,
        Process("benchmarks.crowd", kind, environment=way.environment) as clients,
    ):
        yield Crowd(kind, way, server, clients)


def grow(crowd: Crowd, most: int, bursts: int) -> tuple[Costs, Costs]:
    """Let an empty crowd grow to *most* clients; return the cost of a message of each burst at each size, and for a client alone.

    Each client gets the same number of messages at a time, whatever the size is. A small crowd gets them many times. The client
    alone has a process of its own, and gets its bursts in turn with the crowd.
    """
    there, costs, beside = 0, Costs(), Costs()
    with crowd_of(crowd.kind, crowd.way) as alone:
        alone.ask(do="gather", clients=1)
        for size in (each for each in GROWTH if each <= most):
            crowd.ask(do="gather", clients=size - there)
            crowd.ask(do="ping")
            there = size
            for _ in range(bursts):
                costs.setdefault(size, []).append(_burst(crowd, size))
                beside.setdefault(size, []).append(_burst(alone, 1))
    return costs, beside


def _burst(crowd: Crowd, size: int) -> float:
    """Return the microseconds of CPU time of a message."""
    times = max(1, FEWEST // (EACH * size))
    count = EACH * size * times
    crowd.ask(do="expect", count=count)
    before = crowd.ask(do="usage")["cpu"]
    crowd.server.ask(push=EACH, times=times)
    crowd.ask(do="received")
    return float(crowd.ask(do="usage")["cpu"] - before) / count * 1e6


def _in_turn(crowds: Mapping[str, Crowd], steps: Sequence[int]) -> list[dict[str, Reading]]:
    """Gather clients until each crowd has as many as each of *steps*; return the figures of all that are there then.

    The crowds take turns, part by part, because the speed of a processor changes in phases that last some seconds.
    """
    there, found, taken = 0, [], {kind: list[float]() for kind in crowds}
    for size in steps:
        for part in range(PARTS):
            for kind, crowd in crowds.items():
                clients = (size - there) * (part + 1) // PARTS - (size - there) * part // PARTS
                taken[kind].append(crowd.ask(do="gather", clients=clients)["cpu"])
        there = size
        found.append({kind: {"cpu": list(taken[kind]), **crowd.ask(do="ping")} for kind, crowd in crowds.items()})
    return found


def _leases(run: Run, crowd: Crowd, after: float = 0.0) -> list[Reading]:
    samples, readings = (QUICK_SAMPLES, QUICK_READINGS) if run.quick else (SAMPLES, READINGS)
    return [crowd.ask(do="lateness", samples=samples, after=after) for _ in range(readings)]
