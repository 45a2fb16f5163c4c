"""One rate limit for the connects and logins of all workers: F21 to F23, in virtual time."""

from __future__ import annotations

import itertools

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn import Reason
from cometconn._transport.abc import UpgradeRefusedError
from cometconn.errors import ApiError, ConnectError
from cometconn.fleet import FleetSettings
from cometconn.fleet.governor import asks_to_slow_down

from .harness import QUICK, SETTINGS, open_fleet


async def test_all_workers_share_one_rate(autojump_clock: MockClock) -> None:
    """F21: 30 accounts of two workers are reset at once: 5 dials a second, waiting is no part of connect_timeout, none polls."""
    async with open_fleet(30) as fleet:
        slow = attrs.evolve(QUICK, connects_per_second=5.0, connect_burst=1, starts_at_once=1000)
        timing = attrs.evolve(SETTINGS.timing, connect_timeout=1.0)
        for name in ("w1", "w2"):
            await fleet.start(name, fleet_settings=slow, settings=attrs.evolve(SETTINGS, timing=timing))
        await fleet.wait_all_connected()
        await trio.sleep(10.0)
        first, calls = len(fleet.server.dials), sum(line.calls["admit"] for line in fleet.lines.values())
        fleet.server.drop(None, "reset")
        took = await fleet.wait_all_connected()
        dials = fleet.server.dials[first:]
        assert len(dials) == 30
        assert 5.5 < took < 9.0
        assert min(later - earlier for earlier, later in itertools.pairwise(sorted(dials))) == pytest.approx(0.2)
        assert sum(line.calls["admit"] for line in fleet.lines.values()) == calls + 30
        statistics = [worker.statistics() for worker in fleet.workers.values()]
        assert sum(each.admission_seconds.total for each in statistics) > 60.0


async def test_nothing_connects_without_the_engine(autojump_clock: MockClock) -> None:
    """F22: no dial while the engine is unreachable; what stands goes on; then it is dialled at once."""
    async with open_fleet(4, fleet=FleetSettings(lease_ttl=60.0)) as fleet:
        await fleet.start("w1")
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        fleet.engine.is_unreachable = True
        fleet.server.drop("user-0", "reset")
        dials = len(fleet.server.dials)
        await trio.sleep(20.0)
        assert fleet.connected() == {"user-1", "user-2", "user-3"}
        assert len(fleet.server.dials) == dials
        fleet.engine.is_unreachable = False
        assert await fleet.wait_all_connected() <= 1.0


async def test_a_cancelled_wait_loses_its_place(autojump_clock: MockClock) -> None:
    """F21: places are reserved in order; one whose waiter is cancelled is not given to another."""
    async with open_fleet(3, fleet=FleetSettings(connects_per_second=0.1, connect_burst=1)) as fleet:
        waits = [await fleet.connection.admit(fleet.fleet.rate) for _ in range(3)]
        assert waits == pytest.approx([0.0, 10.0, 20.0])


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refused_connect_slows_the_fleet(status: int, autojump_clock: MockClock) -> None:
    """F23: 429 and 503 halve the rate, at most once a second; it recovers in 60 s."""
    async with open_fleet(10, fleet=FleetSettings(connects_per_second=10.0, connect_burst=1)) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        await trio.sleep(60.0)
        fleet.server.set(upgrade=status)
        fleet.server.drop(None, "reset")
        await trio.sleep(1.6)  # the first retry comes after 1 s
        assert worker.statistics().throttled > 0
        waits = [await fleet.connection.admit(fleet.fleet.rate) for _ in range(2)]
        assert waits[1] - waits[0] == pytest.approx(0.2, rel=0.05)
        fleet.server.heal()
        await fleet.wait_all_connected()
        await trio.sleep(70.0)
        waits = [await fleet.connection.admit(fleet.fleet.rate) for _ in range(2)]
        assert waits[1] - waits[0] == pytest.approx(0.1, rel=0.05)


async def test_another_failure_does_not_slow_the_fleet(autojump_clock: MockClock) -> None:
    """F23: 500 and a refused dial are this account's own trouble; so is its Retry-After."""
    async with open_fleet(2) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        fleet.server.set(upgrade=500)
        fleet.server.drop("user-0", "reset")
        await trio.sleep(5.0)
        fleet.server.heal()
        await fleet.wait_all_connected()
        assert worker.statistics().throttled == 0


def test_which_errors_ask_to_slow_down() -> None:
    """The status of an error, or of one of its causes."""
    refused = UpgradeRefusedError(503, 0.0)
    chained = ConnectError("Could not connect", reason=Reason.CONNECT_FAILED)
    chained.__cause__ = refused
    assert [
        asks_to_slow_down(error)
        for error in (None, ValueError(), refused, chained, ApiError("slow", status=429), ApiError("odd", status=500))
    ] == [False, False, True, True, True, False]
