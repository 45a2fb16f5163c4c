"""A fleet under random faults, in virtual time: in the end every message is in the log once, in order."""

from __future__ import annotations

import math
import os
import random

import pytest
import trio
from trio.testing import MockClock

from cometconn.fleet import EngineError

from .harness import Fleet, open_fleet

NAMES = ("w1", "w2", "w3")
STEPS = 25
SEEDS = range(int(os.environ.get("COMETCONN_FLEET_SEEDS", "4")))


async def step(fleet: Fleet, rng: random.Random, names: dict[str, float], history: list[str]) -> None:
    """Do one thing to the fleet."""
    alive = sorted(fleet.workers)
    what = rng.choice(
        ["say"] * 6 + ["kill", "cut", "outage", "forget", "drain", "start", "drop", "sleep", "unanswered"]
    )
    history.append(f"{trio.current_time():.2f} {what}")
    if what == "say":
        for uid in rng.sample(fleet.uids, 3):
            fleet.say(uid, f"{len(fleet.sent)}")
    elif what == "kill" and len(alive) > 1:
        await fleet.kill(rng.choice(alive))
    elif what == "cut" and alive:
        line = fleet.lines[rng.choice(alive)]
        line.broken.add("*")
        await trio.sleep(rng.uniform(0.0, 8.0))
        line.broken.clear()
    elif what == "unanswered" and alive:
        line = fleet.lines[rng.choice(alive)]
        line.unanswered.add(rng.choice(["append", "claim", "release", "lease", "save", "*"]))
        await trio.sleep(rng.uniform(0.0, 3.0))
        line.unanswered.clear()
    elif what == "outage":
        fleet.engine.is_unreachable = True
        await trio.sleep(rng.uniform(0.0, 8.0))
        fleet.engine.is_unreachable = False
    elif what == "forget":
        before = fleet.engine.state()
        await trio.sleep(rng.uniform(0.0, 3.0))
        fleet.engine.restore(before)
        names["forgot"] = trio.current_time()
    elif what == "drain" and len(alive) > 1:
        name = rng.choice(alive)
        fleet.workers[name].drain()
        await fleet.workers[name].drained()
        fleet.scopes[name].cancel()
        await fleet.wait_for(lambda: name not in fleet.workers)
    elif what == "start" and len(alive) < len(NAMES):
        names["next"] += 1
        fleet.nursery.start_soon(start_at_last, fleet, f"w{names['next']:g}")
    elif what == "drop":
        fleet.server.drop(rng.choice([None, *fleet.uids]), "reset")
    elif what == "sleep":
        fleet.server.slept += rng.uniform(0.0, 10.0)


async def start_at_last(fleet: Fleet, name: str) -> None:
    """Start a worker as a service manager does: again and again while the engine is unreachable."""
    while True:
        try:
            await fleet.start(name)
        except EngineError:
            await trio.sleep(1.0)
        else:
            return


async def watch(fleet: Fleet, names: dict[str, float], history: list[str]) -> None:
    """No account ever has two sockets, or two workers that believe that they own it.

    Except for the time of one lease after the engine has forgotten renewals: leases may then be over on its side first,
    which their holders find out with their next renewal, or at the local end if their lines are cut.
    """
    while True:
        if trio.current_time() - names["forgot"] > 5.0 + 1.0:
            sockets = {uid: fleet.server.connections(uid) for uid in fleet.uids}
            assert max(sockets.values()) <= 1, (sockets, trio.current_time(), history)
            assert all(len(owners) == 1 for owners in fleet.owners().values()), (fleet.owners(), history)
        await trio.sleep(0.02)


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_faults(seed: int, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """Kills, cut lines, lost answers, outages, an engine that forgets, drains and joins, in random order."""
    rng = random.Random(seed)
    names, history = {"next": float(len(NAMES)), "forgot": -math.inf}, list[str]()
    async with open_fleet(6) as fleet:
        for name in NAMES:
            await fleet.start(name)
        await fleet.wait_all_connected()
        fleet.nursery.start_soon(watch, fleet, names, history)
        for _ in range(STEPS):
            await step(fleet, rng, names, history)
            await trio.sleep(rng.choice([0.0, 0.1, 1.0, 3.0]))
        await trio.sleep(12.0)
        for uid in fleet.uids:
            fleet.say(uid, "the last")
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        await fleet.assert_all_recorded()
