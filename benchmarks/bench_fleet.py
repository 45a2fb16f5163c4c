"""How many events a second does a fleet's engine take, and what do an event and an account cost a worker and the engine?

The calls of each engine are compared with what lies below it: RedisEngine with coredis and a pipeline of XADD, SQLiteEngine with an
insert by the `sqlite3` module. Then whole workers keep accounts connected to an emulator, receive messages, and one of them
is killed; they are compared with the same clients in a process without a fleet. `--accounts` and `--workers` make it larger.
A quick run has only the takeover from a worker that was killed, because nothing else has a goal.
Redis has an append-only file that is synced every second, and a unix socket. There is no twin over TLS: a fleet's own work is
above the transport, which is the same in both crowds.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import statistics
import tempfile
from collections.abc import Callable, Sequence

from cometconn.fleet import FleetSettings

from .engines import BODY, SESSION
from .fleet_scale import COMPARED, Load, Scale, run_clients, run_workers
from .process import LeftOutError, Process
from .redis_process import RedisProcess
from .row import Row
from .run import Run, interleave

__all__ = ["measure"]

BATCHES = (1, 8, 64)
ROUNDS = 7
SECONDS = 0.5  # of each reading
ACCOUNTS, WORKERS = 100, 2  # unless the command line has others
_KIB = 1024
_SETTLED = 1_000  # accounts whose memory in Redis is measured
_ENGINES = {
    "redis": ("RedisEngine", "bare_redis", "coredis, XADD pipelined", "coredis, SET"),
    "sqlite": ("SQLiteEngine", "bare_sqlite", "sqlite3, INSERT", "sqlite3, UPDATE"),
}
"""The name of each engine, what lies below it, and how that does the same for an append, and for any other call."""
_APPENDS = {f"append {batch}": f"events appended, {batch} a call" for batch in BATCHES}
_SINGLE = {"renew": "renewals of a lease", "admit": "places of the rate limit", "claim": "claims, 64 a call"}

Reading = dict[str, float]


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    with contextlib.ExitStack() as stack:
        redis: RedisProcess | None = None
        try:
            redis = stack.enter_context(RedisProcess())
        except LeftOutError as reason:
            run.leave_out("RedisEngine", reason)
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = [] if run.quick else _engines(run, redis, folder)
        if redis is not None and not run.quick:
            rows += _memory(redis)
        return rows + _whole(run, redis, folder)


def _engines(run: Run, redis: RedisProcess | None, folder: pathlib.Path) -> list[Row]:
    kinds = ["sqlite", "bare_sqlite", *(["redis", "bare_redis"] if redis else [])]
    with contextlib.ExitStack() as stack:
        processes = {}
        for kind in kinds:
            where = redis.url if redis and "redis" in kind else folder / "engine.db"
            processes[kind] = stack.enter_context(Process("benchmarks.engines", kind, where))
        takes: dict[str, Callable[[], Reading]] = {}
        for kind, process in processes.items():
            server = redis if "redis" in kind else None
            for batch in BATCHES:
                takes[f"{kind}, append {batch}"] = functools.partial(
                    _take, process, server, do="append", of=[batch], seconds=SECONDS
                )
            takes[f"{kind}, renew"] = functools.partial(_take, process, server, do="renew", seconds=SECONDS)
            if "bare" not in kind:
                takes[f"{kind}, admit"] = functools.partial(_take, process, server, do="admit", seconds=SECONDS)
                takes[f"{kind}, claim"] = functools.partial(
                    _take, process, server, do="claim", of=[64], seconds=SECONDS
                )
        taken = interleave(run.part(0.0, 0.5), ROUNDS, takes)
    return engine_rows(taken)


def _take(process: Process, server: RedisProcess | None, **job: object) -> Reading:
    before = server.cpu if server else 0.0
    reading = process.ask(**job)
    used = server.cpu - before if server else 0.0
    return {**reading, "engine": used / reading["items"]}


def engine_rows(taken: dict[str, list[Reading]]) -> list[Row]:
    """Return the rows of readings whose names are the engine and the call. The ratios are those of all CPU time."""
    rows = []
    for kind, (title, below, against, against_one) in _ENGINES.items():
        for call, what in (_APPENDS | _SINGLE).items():
            ours = taken.get(f"{kind}, {call}")
            is_append = call in _APPENDS
            theirs = taken.get(f"{below}, {call if is_append else 'renew'}")
            if ours and theirs:
                case = f"{title}, {what}: {_costs(ours, theirs)}; {_rates(ours, theirs)} a second"
                costs = ([reading["cpu"] + reading["engine"] for reading in each] for each in (ours, theirs))
                rows.append(Row.of("fleet", case, against if is_append else against_one, *costs))
    return rows


def _rate(readings: Sequence[Reading]) -> list[float]:
    return [1 / reading["seconds"] for reading in readings]


def _rates(ours: Sequence[Reading], theirs: Sequence[Reading]) -> str:
    return " / ".join(f"{statistics.median(_rate(each)):,.0f}" for each in (ours, theirs))


def _costs(ours: Sequence[Reading], theirs: Sequence[Reading]) -> str:
    def micro(readings: Sequence[Reading], key: str) -> str:
        return f"{statistics.median(reading[key] for reading in readings) * 1e6:.1f}"

    text = f"{micro(ours, 'cpu')} / {micro(theirs, 'cpu')} us of CPU in the process"
    if any(reading["engine"] for reading in ours):
        text += f", {micro(ours, 'engine')} / {micro(theirs, 'engine')} in Redis"
    return text


def _memory(redis: RedisProcess) -> list[Row]:
    """Measure what an account takes in Redis, and what an event does."""
    redis.empty()
    with Process("benchmarks.engines", "redis", redis.url) as process:
        before = redis.memory
        process.ask(do="settle", of=[_SETTLED])
        account = (redis.memory - before) / _SETTLED
        before = redis.memory
        events = sum(process.ask(do="append", of=[64], seconds=0.1)["items"] for _ in range(3)) + 3 * 64
        event = (redis.memory - before) / events
    redis.empty()
    return [
        _weighed(f"an account: {account:,.0f} bytes, {len(SESSION):,} of them", "its session", account / len(SESSION)),
        _weighed(f"an event of the log: {event:,.0f} bytes, {len(BODY):,} of them", "its body", event / len(BODY)),
    ]


def _weighed(case: str, part: str, ratio: float) -> Row:
    return Row("fleet", f"memory of Redis, {case} {part}", part, ratio)


def _whole(run: Run, redis: RedisProcess | None, folder: pathlib.Path) -> list[Row]:
    accounts, workers = run.accounts or ACCOUNTS, run.workers or WORKERS
    where = redis.url if redis else str(folder / "fleet.db")
    tell = run.part(0.5, 1.0).tell
    try:
        fleet = run_workers(where, redis, accounts, workers, quick=run.quick, tell=tell)
        tell(0.7, "the same clients without a fleet")
        clients = None if run.quick else run_clients(accounts // workers, workers)
    except LeftOutError as reason:
        run.leave_out(f"{accounts:,} accounts on {workers} workers", reason)
        return []
    return scale_rows(fleet, clients, "RedisEngine" if redis else "SQLiteEngine")


def scale_rows(fleet: Scale, clients: Scale | None, engine: str) -> list[Row]:
    """Return the rows of a fleet, beside *clients* without one, which are as many as one worker has."""
    crowd = f"{fleet.accounts:,} accounts on {fleet.processes} workers, {engine}"
    promise = FleetSettings().lease_ttl + 5.0
    takeover = Row(
        "fleet",
        f"{crowd}: a worker is killed, its {fleet.moved} accounts are connected again after {fleet.takeover:.1f} s",
        f"promised: {promise:g} s",
        fleet.takeover / promise,
        goal="<= 1",
    )
    if clients is None:
        return [takeover]
    against = f"{clients.accounts:,} clients in one process"
    first, alone = _same_rate(fleet), clients.loads[0]
    return [
        Row(
            "fleet",
            f"{crowd}: all connected, logins included, after {fleet.connected:.1f} / {clients.connected:.1f} s",
            against,
            fleet.connected / clients.connected,
        ),
        Row(
            "fleet",
            f"{crowd}: memory of an account, {fleet.memory / _KIB:.1f} / {clients.memory / _KIB:.1f} KiB in the process, "
            f"{fleet.engine_memory / _KIB:.1f} in Redis",
            against,
            fleet.memory / clients.memory,
        ),
        Row(
            "fleet",
            f"{crowd}: CPU of an idle process, {fleet.idle:.1%} / {clients.idle:.1%} of a core; Redis {fleet.engine_idle:.1%} of one",
            against,
            fleet.idle / clients.idle,
        ),
        Row(
            "fleet",
            f"{crowd}: CPU of a message, {first.rate:g} a second, {first.cpu * 1e6:,.0f} / {alone.cpu * 1e6:,.0f} us in the "
            f"process, {first.engine * 1e6:,.0f} in Redis, {first.server * 1e6:,.0f} in the emulator",
            against,
            first.cpu / alone.cpu,
        ),
        Row(
            "fleet",
            f"{crowd}: messages from the server's push until recorded, {first.rate:g} a second, 99 % within "
            f"{first.p99 * 1e3:.1f} ms / handed out within {alone.p99 * 1e3:.1f} ms",
            against,
            first.p99 / alone.p99,
        ),
        Row(
            "fleet",
            f"{crowd}: {fleet.sustained:g} messages a second sustained, of {fleet.loads[-1].rate:g} tried at most; then "
            f"99 % within {fleet.loads[-1].p99:.2f} s and {fleet.loads[-1].missing} not yet recorded 5 s later",
            "the first rate",
            fleet.sustained / fleet.loads[0].rate,
        ),
        takeover,
    ]


def _same_rate(fleet: Scale) -> Load:
    """Return the load that is compared with that of the clients without a fleet: 200 messages a second if it was tried."""
    return next((load for load in fleet.loads if load.rate == COMPARED), fleet.loads[0])
