"""F16: what is old and acknowledged leaves the log, and one worker at a time removes it."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn.fleet import MemoryEngine, open_consumer

from .harness import QUICK, Fleet, open_fleet


async def _say_and_wait(fleet: Fleet, count: int) -> None:
    before = len(await fleet.entries())
    for number in range(count):
        fleet.say("user-0", f"message {number}")
    with trio.fail_after(10.0):
        while len(await fleet.entries()) < before + count:
            await trio.sleep(0.1)


async def test_the_slowest_group_holds_it_back(autojump_clock: MockClock) -> None:
    """Entries go when they are older than `retention` and every group has acknowledged them, within a minute."""
    settings = attrs.evolve(QUICK, retention=100.0)
    async with open_fleet(1, fleet=settings) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        await _say_and_wait(fleet, 3)
        options = {"engine": fleet.engine, "name": "c1", "fleet_settings": settings, "environment": fleet.server}
        async with (
            open_consumer("APP", group="fast", **options) as fast,
            open_consumer("APP", group="slow", **options) as slow,
        ):
            for _ in range(3):
                await (await anext(fast)).ack()
            first = await anext(slow)
            await trio.sleep(200.0)
            assert len(await fleet.entries()) == 3
            await first.ack()
            await trio.sleep(60.0)
            assert len(await fleet.entries()) == 2
            await _say_and_wait(fleet, 1)
            for _ in range(3):
                await (await anext(slow)).ack()
            await (await anext(fast)).ack()
            await trio.sleep(60.0)
            assert len(await fleet.entries()) == 1  # it is young
            assert worker.statistics().trimmed == 3


@pytest.mark.parametrize("retention", [None, 30.0])
async def test_one_worker_does_it(retention: float | None, autojump_clock: MockClock) -> None:
    """Of three workers one calls the engine; when it is killed, another one does; with `None` none does."""
    async with open_fleet(1, fleet=attrs.evolve(QUICK, retention=retention)) as fleet:
        for name in ("w1", "w2", "w3"):
            await fleet.start(name)
        await fleet.wait_all_connected()
        await trio.sleep(121.0)
        callers = {name for name, line in fleet.lines.items() if line.calls["trim"]}
        assert len(callers) == (0 if retention is None else 1)
        for name in callers:
            await fleet.kill(name)
            before = {each: line.calls["trim"] for each, line in fleet.lines.items()}
            await trio.sleep(121.0)
            assert sum(line.calls["trim"] > before[each] for each, line in fleet.lines.items()) == 1


async def test_an_engine_that_fails_is_called_again(autojump_clock: MockClock) -> None:
    """A call that fails ends neither the task nor the worker, and delays nothing else."""
    async with open_fleet(1, engine=MemoryEngine(), fleet=attrs.evolve(QUICK, retention=30.0)) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        await _say_and_wait(fleet, 1)
        fleet.lines["w1"].hanging.add("trim")
        await trio.sleep(70.0)
        await _say_and_wait(fleet, 1)  # an append does not wait for it
        fleet.lines["w1"].broken.add("trim")
        fleet.lines["w1"].hanging.clear()
        await trio.sleep(60.0)
        assert len(await fleet.entries()) == 2
        fleet.lines["w1"].broken.clear()
        await trio.sleep(60.0)
        assert await fleet.entries() == []
        assert worker.statistics().leases_lost == 0
