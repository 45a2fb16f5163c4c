"""A worker: claims, records, takes over, drains."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from .harness import open_fleet, settle


async def test_first(autojump_clock: MockClock) -> None:
    """First."""
    async with open_fleet(3) as fleet, fleet.open("w1") as worker:
        await fleet.wait_all_connected()
        fleet.say("user-0", "one")
        fleet.say("user-1", "two")
        fleet.say("user-0", "three")
        await trio.sleep(1)
        print(await fleet.recorded(), worker.statistics(), worker)
        await fleet.assert_all_recorded()
    assert fleet.connected() == set()
