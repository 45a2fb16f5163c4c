"""The scenarios: what is done to a fleet, and the goals that it has to meet meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Awaitable, Callable

import attrs
import trio

from .backends import SQLiteBackend
from .stage import DRAIN, Child, Setup, Stage
from .witness import Entry, most_in

__all__ = ["SCENARIOS", "Scenario", "drained", "killed"]

_BACK = 10.0  # seconds after the end of an outage of the engine, until every account is connected again
_AFTER_STOP = 3.0  # seconds after SIGCONT until a worker whose lease is over has closed its sockets
_ALONE = 1.0  # seconds for which the first worker that is back after an outage is alone, after it has begun to claim
_JITTER = 0.5  # seconds by which an admitted attempt may come late to the server, on a busy machine


@attrs.frozen
class Scenario:
    """One scenario.

    Attributes:
        setup: of its fleet.
        run: what is done; its last argument is one of *sizes*.
        sizes: in full, and in a quick run.
        is_quick: whether a quick run contains it.
    """

    setup: Setup
    run: Callable[[Stage, tuple[float, ...]], Awaitable[None]]
    full: tuple[float, ...]
    quick: tuple[float, ...]
    is_quick: bool = False


async def _pause(stage: Stage, least: float, most: float) -> None:
    await trio.sleep(stage.draw.uniform(least, most))


def _rounds(size: tuple[float, ...]) -> range:
    return range(int(size[0]))


async def kills(stage: Stage, size: tuple[float, ...]) -> None:
    """Kill one worker after the other, and start it again when its accounts are connected elsewhere."""
    for _ in _rounds(size):
        await _pause(stage, 0.2, 1.5)
        child = stage.workers[stage.draw.choice(sorted(stage.workers))]
        await killed(stage, child)
        await stage.start_worker(child.name)
        await stage.settled()


async def killed(stage: Stage, child: Child) -> None:
    """Kill a worker, and wait until its accounts are connected elsewhere."""
    owned = stage.owned_by(child.name)
    at = await stage.kill(child)
    await stage.wait_connected(owned, since=at, goal=stage.setup.takeover, what="takeover after a kill")
    others = [uid for uid in stage.journal.opened(since=at) if uid not in owned]
    stage.note("sockets of other accounts that moved", len(others), 0)


async def joins(stage: Stage, size: tuple[float, ...]) -> None:
    """Let a worker of a new name join, and drain it again."""
    shares: list[float] = []
    for number in _rounds(size):
        before, name = await stage.settled(), f"joiner{number}"
        began = time.monotonic()
        joiner = await stage.start_worker(name)
        after = await stage.settled()
        moved = {uid for uid in after if after[uid] != before[uid]}
        shares.append(len(moved) / len(after) * len(stage.workers))
        stage.note("moved at a join, but not to the joiner", sum(after[uid] != name for uid in moved), 0)
        opened = stage.journal.opened(since=began)
        stage.note("sockets opened at a join, beyond the share", len(opened) - len(moved), 0)
        await drained(stage, joiner)
    stage.note(
        "share that moves at a join, times N: mean", sum(shares) / len(shares), 1.4 if len(shares) >= 10 else 2.5
    )
    stage.note("share that moves at a join, times N", shares)


async def drained(stage: Stage, child: Child) -> None:
    """Drain a worker, and wait until its accounts are connected elsewhere."""
    owned, at = stage.owned_by(child.name), time.monotonic()
    await stage.drain(child, goal=DRAIN)
    await stage.wait_connected(owned, since=at, goal=DRAIN, what="takeover after SIGTERM")


async def rolling(stage: Stage, size: tuple[float, ...]) -> None:
    """Restart every worker in turn."""
    for _ in _rounds(size):
        for name in sorted(stage.workers):
            await drained(stage, stage.workers[name])
            await stage.start_worker(name)
            await stage.settled()


async def stops(stage: Stage, size: tuple[float, ...]) -> None:
    """Stop a worker for so many seconds, shorter and longer than its lease."""
    ttl = float(stage.setup.fleet.get("lease_ttl", 5.0))
    for seconds in size:
        await stage.settled()
        child = stage.workers[stage.draw.choice(sorted(stage.workers))]
        owned = stage.owned_by(child.name)
        at = time.monotonic()
        child.signal(signal.SIGSTOP)
        if seconds > ttl:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_continue_later, child, at + seconds)
                await stage.wait_connected(
                    owned, since=at, goal=stage.setup.takeover, what="takeover from a stopped worker"
                )
            until = max(time.monotonic(), at + seconds)
            stage.excuses.append((owned, at, until + _AFTER_STOP))
            stage.killed.add(child.pid)
        else:
            await trio.sleep(seconds)
            child.signal(signal.SIGCONT)
            await stage.settled()
            stage.note("sockets that moved in a short stop", len(stage.journal.opened(since=at)), 0)


async def _continue_later(child: Child, at: float) -> None:
    await trio.sleep(max(0.0, at - time.monotonic()))
    child.signal(signal.SIGCONT)


async def zombie(stage: Stage, size: tuple[float, ...]) -> None:
    """Stop a worker that ignores the end of its lease: only the fence keeps its writes apart from those of the next owner."""
    child = stage.workers["w0"]
    for seconds in size:
        await stage.settled()
        owned = sorted(stage.owned_by("w0"))
        at = time.monotonic()
        child.signal(signal.SIGSTOP)
        for uid in owned[:2]:  # more than the 1,024 ids that the engine knows to be appended
            await stage.command("burst", uid, 1500, seconds * 0.8)
        await trio.sleep(seconds)
        await stage.wait_connected(owned, since=at, goal=seconds + 5, what="takeover from the zombie")
        await stage.wait_logged(60.0)
        child.signal(signal.SIGCONT)
        await trio.sleep(4.0)
        refused = (stage.folder / "w0.log").read_text(encoding="utf-8").count("fenced")
        stage.note("appends of the zombie that were refused", refused)
        stage.note("zombies that did not try to write", int(refused == 0 and not stage.breaks), 0)
        stage.excuses.append((owned, at, float("inf")))
        await stage.kill(child)
        child = await stage.start_worker("w0", *stage.setup.first)
    await stage.settled()


async def redis_stops(stage: Stage, size: tuple[float, ...]) -> None:
    """Stop Redis for so many seconds. If that costs the leases, one worker is back before the others, and sees itself alone."""
    for seconds in size:
        await stage.settled()
        keeps_leases = seconds <= 2.5
        late = [] if keeps_leases else stage.draw.sample(sorted(stage.workers), len(stage.workers) - 1)
        at = time.monotonic()
        stage.redis.signal(signal.SIGSTOP)
        await trio.sleep(seconds)
        for name in late:
            stage.workers[name].signal(signal.SIGSTOP)
        stage.redis.signal(signal.SIGCONT)
        ended = time.monotonic()
        if late:
            await stage.until(lambda since=ended: bool(stage.journal.opened(since=since)), 60, "one worker is back")
            await trio.sleep(_ALONE)
        for name in late:
            stage.workers[name].signal(signal.SIGCONT)
        await _back(stage, at, ended, f"Redis stopped for {seconds:g} s", keeps_leases=keeps_leases)


async def _back(stage: Stage, began: float, ended: float, what: str, *, keeps_leases: bool) -> None:
    """Judge the return after an outage of the engine: nothing may be connected twice meanwhile."""
    await stage.timed(f"{what}: back after", stage.wait_all_connected(60.0), _BACK)
    await stage.settled()
    opened = stage.journal.opened(since=began)
    if keeps_leases:
        stage.note(f"{what}: sockets opened anew", len(opened), 0)
    else:
        stage.note(f"{what}: sockets opened more than once", len(opened) - len(set(opened)), len(stage.uids) // 10)
    stage.note(f"{what}: seconds", ended - began)


async def redis_kills(stage: Stage, size: tuple[float, ...]) -> None:
    """Kill Redis for so many seconds, in the moment in which accounts are released because a worker joins."""
    for number, seconds in enumerate(size):
        await stage.settled()
        joiner, began = await stage.start_worker(f"joiner{number}"), time.monotonic()
        await stage.until(lambda began=began: _ended_since(stage, began) > 0, 90, "an account moves to the joiner")
        stage.redis.server.stop()
        at = time.monotonic()
        await trio.sleep(seconds)
        stage.redis.server.start()
        back = time.monotonic()
        # Longer than the minute after which a worker finds by itself what it owns and does not know of.
        await stage.timed("Redis killed: all connected after its restart", stage.wait_all_connected(90.0), _BACK)
        await stage.settled()
        stage.note("Redis killed: settled after its restart", time.monotonic() - back, 2 * _BACK)
        stage.note("Redis killed: seconds", back - at)
        await drained(stage, joiner)


def _ended_since(stage: Stage, since: float) -> int:
    return sum((socket.ended or 0.0) > since for socket in stage.journal.sockets.values())


async def redis_cuts(stage: Stage, size: tuple[float, ...]) -> None:
    """Let Redis come back without the tail of what it had acknowledged."""
    for _ in _rounds(size):
        await stage.settled()
        mark = stage.redis.mark()
        await _pause(stage, 2.0, 4.0)
        acknowledged = _keys(stage.redis.log())
        stage.redis.cut(mark, stage.draw)
        stage.redis.server.start()
        forgotten = acknowledged - _keys(stage.redis.log())
        stage.redis.rewrite()
        stage.note("acknowledged entries that Redis forgot", len(forgotten))
        stage.note("cuts in which it forgot none", int(not forgotten), 0)
        await stage.timed("until what Redis forgot is in the log again", stage.wait_logged(30.0), _BACK)
        stage.note("until all are connected", await stage.wait_all_connected(30.0))


def _keys(log: list[Entry]) -> set[tuple[str, int]]:
    return {(entry.uid, entry.id) for entry in log}


async def resets(stage: Stage, size: tuple[float, ...]) -> None:
    """Reset all sockets at once: the governor's rate holds for the whole fleet."""
    fleet = stage.setup.fleet
    rate, burst = float(fleet["connects_per_second"]), float(fleet["connect_burst"])
    for _ in _rounds(size):
        await stage.settled()
        at = time.monotonic()
        await stage.command("reset")
        await stage.wait_connected(
            stage.uids, since=at, goal=2.5 * len(stage.uids) / rate + 10, what="back after a reset"
        )
        attempts = [each for each in stage.journal.attempts if each > at]
        stage.note("attempts", len(attempts))
        stage.note("attempts in the fullest second", most_in(attempts, 1.0))
        bound = burst + rate * (2.0 + _JITTER)
        stage.note("attempts in the fullest 2 s", most_in(attempts, 2.0), bound)
        after_burst = (len(attempts) - burst) / (attempts[-1] - attempts[0])
        stage.note("a second, on average, without the burst", after_burst, 1.25 * rate)


async def consumers(stage: Stage, size: tuple[float, ...]) -> None:
    """Kill consumers of a group that reads the log, each while it handles a batch of several messages."""
    for number in range(3):
        await stage.start_consumer(f"c{number}")
    for _ in _rounds(size):
        child = stage.consumers[stage.draw.choice(sorted(stage.consumers))]
        await stage.until(lambda pid=child.pid: stage.has_handled(pid), 120, f"{child.name} handles something")
        await _pause(stage, 0.0, 2.0)
        for uid in stage.draw.sample(stage.uids, len(stage.uids) // 3):
            await stage.command("burst", uid, 8, 0.3)
        await _pause(stage, 0.3, 0.9)
        await stage.kill(child)
        await _pause(stage, 0.5, 6.0)
        await stage.start_consumer(child.name)


async def slow_fsync(stage: Stage, size: tuple[float, ...]) -> None:
    """Let each fsync of the ledger take 3 s: leases are renewed all the same, so nothing moves."""
    backend = stage.backend
    assert isinstance(backend, SQLiteBackend)
    await stage.settled()
    at = time.monotonic()
    backend.slow_down(3.0)
    await trio.sleep(size[0])
    backend.slow_down(0.0)
    stage.journal.read()
    stage.note("fsyncs that took 3 s", backend.slowed())
    stage.note("runs without a slow fsync", int(not backend.slowed()), 0)
    stage.note("sockets that moved during slow fsyncs", len(stage.journal.opened(since=at)), 0)
    await stage.settled()


_GOVERNED = {"connect_burst": 5}
_EIGHT = {"workers": 8, "accounts": 72}
SCENARIOS: dict[str, Scenario] = {
    "redis-kills": Scenario(Setup(engine="redis"), kills, (20,), (1,)),
    "redis-joins": Scenario(Setup(engine="redis"), joins, (20,), (1,)),
    "redis-rolling": Scenario(Setup(engine="redis", workers=3), rolling, (2,), (1,)),
    "redis-stops": Scenario(Setup(engine="redis"), stops, (2, 8, 12), (2, 8)),
    "redis-zombie": Scenario(Setup(engine="redis", workers=3, first=("ignore-lease",)), zombie, (8, 12), (7,)),
    "redis-run-kills": Scenario(Setup(engine="redis", handles=True), kills, (6,), (2,)),
    "redis-run-rolling": Scenario(Setup(engine="redis", workers=3, handles=True), rolling, (2,), (1,)),
    "engine-stops": Scenario(Setup(engine="redis", workers=3), redis_stops, (2, 5, 30), (2, 6)),
    "engine-kills": Scenario(Setup(engine="redis", workers=3), redis_kills, (0.2, 2, 8), (0.5,), is_quick=True),
    "engine-cuts": Scenario(Setup(engine="redis", workers=3), redis_cuts, (4,), (1,), is_quick=True),
    "consumers": Scenario(Setup(engine="redis", workers=2), consumers, (10,), (4,)),
    "reset-40": Scenario(
        Setup(engine="redis", workers=3, accounts=150, fleet={"connects_per_second": 40, **_GOVERNED}),
        resets,
        (2,),
        (1,),
    ),
    "reset-10": Scenario(
        Setup(engine="redis", workers=3, accounts=150, fleet={"connects_per_second": 10, **_GOVERNED}),
        resets,
        (1,),
        (1,),
    ),
    # So few that no machine is too slow to exceed it.
    "reset-2": Scenario(
        Setup(engine="redis", workers=3, accounts=30, fleet={"connects_per_second": 2, **_GOVERNED}), resets, (1,), (1,)
    ),
    "sqlite-kills": Scenario(Setup(engine="sqlite", **_EIGHT), kills, (20,), (1,), is_quick=True),
    "sqlite-joins": Scenario(Setup(engine="sqlite", **_EIGHT), joins, (20,), (1,)),
    "sqlite-stops": Scenario(Setup(engine="sqlite", **_EIGHT), stops, (2, 8, 12), (8,)),
    "sqlite-zombie": Scenario(Setup(engine="sqlite", workers=3, first=("ignore-lease",)), zombie, (8,), (7,)),
    "sqlite-fsync": Scenario(Setup(engine="slow sqlite", rate=60, **_EIGHT), slow_fsync, (30,), (12,)),
}
