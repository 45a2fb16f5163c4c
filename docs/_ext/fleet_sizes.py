"""A Sphinx directive that computes large fleets from figures that `python -m benchmarks fleet` measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
from sphinx.util.docutils import SphinxDirective

from cometconn.fleet import FleetSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["MEASURED", "Figures", "Size", "setup", "size_of", "table"]

ACCOUNTS = (2_000, 10_000, 100_000, 1_000_000)
_GIB, _KIB = 2**30, 1024


@attrs.frozen
class Figures:
    """What one account, one message and one worker cost.

    Attributes:
        account: bytes of memory of an account in a worker.
        account_redis: the same in Redis, with a session.
        event_redis: bytes of an event in the log.
        worker: the part of a core that a worker takes, whatever it owns.
        idle: the part of a core that an idle account adds: its keepalive pings.
        message: seconds of CPU time that a message takes in a worker, from the socket to the log.
        message_redis: the same in Redis.
        renewal_redis: seconds of CPU time of Redis for a renewal and the two looks of a tick of one worker.
    """

    account: float
    account_redis: float
    event_redis: float
    worker: float
    idle: float
    message: float
    message_redis: float
    renewal_redis: float


MEASURED = Figures(
    account=65 * _KIB,
    account_redis=2_100,
    event_redis=780,
    worker=0.02,
    idle=70e-6,
    message=4_000e-6,
    message_redis=370e-6,
    renewal_redis=400e-6,
)
"""From a run with 2,000 accounts on 4 workers, on two cores that other programs kept busy, rounded up: an idle machine needs less.
The keepalive pings are 1.7 ms of CPU every 25 s."""

PER_WORKER = 2_500
"""Accounts for each worker, which has one core: most of it stays free, for bursts and for the accounts of a dead worker."""
PER_ACCOUNT = 0.02
"""Messages a second for each account: one in 50 s, day and night."""
RETAINED = 86_400.0
"""Seconds for which the log keeps events in this computation."""
CORE = 0.5
"""The part of its core that Redis may use, so that a burst has room."""


@attrs.frozen
class Size:
    """What a fleet of one size takes.

    Attributes:
        accounts: how many accounts there are.
        workers: how many workers, each with one core.
        worker_memory: bytes of resident memory in each of them, without the interpreter's 60 MiB.
        worker_cpu: the part of its core that each uses.
        redis_cpu: cores of Redis, over all fleets.
        fleets: how many fleets the accounts are divided into, because each has one Redis, which uses one core.
        redis_memory: bytes in each of these Redis.
        log_memory: of these, bytes of the log of `RETAINED` seconds.
        restart: seconds until all are connected again after an outage, at 50 connects a second for each fleet.
        takeover: seconds until the accounts of one dead worker are connected again, with the lease.
    """

    accounts: int
    workers: int
    worker_memory: float
    worker_cpu: float
    redis_cpu: float
    fleets: int
    redis_memory: float
    log_memory: float
    restart: float
    takeover: float


def size_of(accounts: int, figures: Figures = MEASURED) -> Size:
    """Return what *accounts* accounts take."""
    settings = FleetSettings()
    workers = max(2, math.ceil(accounts / PER_WORKER))
    messages = accounts * PER_ACCOUNT
    redis_cpu = messages * figures.message_redis + workers / settings.reconcile_every * figures.renewal_redis
    fleets = max(1, math.ceil(redis_cpu / CORE), math.ceil(accounts / MOST_IN_FLEET))
    log = messages * RETAINED * figures.event_redis / fleets
    share = accounts / workers
    rate = settings.connects_per_second
    return Size(
        accounts=accounts,
        workers=workers,
        worker_memory=share * figures.account,
        worker_cpu=figures.worker + share * (figures.idle + PER_ACCOUNT * figures.message),
        redis_cpu=redis_cpu,
        fleets=fleets,
        redis_memory=accounts / fleets * figures.account_redis + log,
        log_memory=log,
        restart=accounts / fleets / rate,
        takeover=settings.lease_ttl + settings.reconcile_every + share / rate,
    )


MOST_IN_FLEET = 50_000
"""Accounts in one fleet: more would need more than a quarter of an hour to connect again at 50 a second."""


def table() -> Iterator[str]:
    """Give the lines of the table."""
    sizes = [size_of(accounts) for accounts in ACCOUNTS]
    yield "| accounts | " + " | ".join(f"{size.accounts:,}" for size in sizes) + " |"
    yield "|---|" + "---:|" * len(sizes)
    rows = {
        "fleets, each with a Redis of its own": [f"{size.fleets:,}" for size in sizes],
        "workers in all, of one core each": [f"{size.workers:,}" for size in sizes],
        "CPU of a worker": [f"{size.worker_cpu:.0%}" for size in sizes],
        "memory of the accounts of a worker": [f"{size.worker_memory / 2**20:,.0f} MiB" for size in sizes],
        "CPU of each Redis": [f"{size.redis_cpu / size.fleets:.0%}" for size in sizes],
        "memory of each Redis": [_memory(size.redis_memory) for size in sizes],
        "of these its log of one day": [_memory(size.log_memory) for size in sizes],
        "all connected again after an outage": [_time(size.restart) for size in sizes],
        "a dead worker's accounts connected again": [_time(size.takeover) for size in sizes],
    }
    for title, cells in rows.items():
        yield f"| {title} | {' | '.join(cells)} |"


def _memory(size: float) -> str:
    return f"{size / _GIB:,.1f} GiB"


def _time(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"  # noqa: PLR2004 - a matter of taste


class FleetSizes(SphinxDirective):
    """The table of fleets of several sizes."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(table()))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("fleet-sizes", FleetSizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
