"""After the machine has slept, when Trio's clock stood still."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cometconn import Connected, Connecting, Disconnected, Reason, Waiting
from cometconn.emulator.log import Kind
from cometconn.events import Resumed

from .harness import open_pair, settle

LOOK = 15.0  # seconds until an idle client reads the clocks, at most


async def test_the_app_gets_resumed(autojump_clock: MockClock) -> None:
    """`Resumed`, with the seconds of the sleep, comes as soon as the clocks are read again."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        pair.server.slept += 3600
        began = trio.current_time()
        with trio.fail_after(2 * LOOK):
            event = await anext(events)
        assert event == Resumed(3600)
        assert trio.current_time() - began <= LOOK


@pytest.mark.parametrize("slept", [29.0, 31.0])
async def test_the_background_grace_counts_real_time(slept: float, autojump_clock: MockClock) -> None:
    """Manual, background: a sleep longer than the grace ends the lease, a shorter one does not."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        pair.server.slept += slept
        status = pair.chat.status
        if slept > 30:
            assert isinstance(status, Disconnected)
            assert status.reason is Reason.BACKGROUND_TIMEOUT
        else:
            assert isinstance(status, Connected)
            began = trio.current_time()
            await pair.wait_status(Disconnected)
            assert trio.current_time() - began == pytest.approx(1.0)


async def test_a_ping_after_the_sleep_does_not_save_the_lease(autojump_clock: MockClock) -> None:
    """A ping() after a deadline that passed during the sleep comes too late."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        pair.server.slept += 31
        pair.chat.enter_foreground()
        assert pair.now() == "BACKGROUND_TIMEOUT"


async def test_a_ping_finds_out_that_the_server_is_gone(autojump_clock: MockClock) -> None:
    """When connected, a ping is sent after a sleep, and no pong within pong_timeout is a loss."""
    async with open_pair(connect=True) as pair:
        pair.device.silence()
        pair.server.slept += 3600
        began = trio.current_time()
        assert isinstance(pair.chat.status, Connected), "the server may well be there: ask"
        lost = await pair.wait_status(Waiting)
        assert lost.at - began == 5.0


async def test_a_server_that_is_there_keeps_its_link(autojump_clock: MockClock) -> None:
    """A link whose server replies to the ping survives the sleep."""
    async with open_pair(connect=True) as pair:
        since = len(pair.log(Kind.FRAME_IN))
        pair.server.slept += 3600
        assert isinstance(pair.chat.status, Connected)
        await settle()
        pings = [entry for entry in pair.log(Kind.FRAME_IN)[since:] if entry.detail["frame"].get("action") == "ping"]
        assert len(pings) == 1
        await trio.sleep(10)
        assert isinstance(pair.chat.status, Connected)
        assert len(pair.server.dials) == 1


async def test_waiting_for_a_retry_ends_with_the_sleep(autojump_clock: MockClock) -> None:
    """A waiting retry is made at once after a sleep, because the network may be another one."""
    async with open_pair(connect=True) as pair:
        pair.server.set(upgrade="hang")
        pair.server.jitter = 1.0
        pair.device.close(1012)
        await pair.wait_status(Waiting)
        pair.server.slept += 2
        assert isinstance(pair.chat.status, Connecting)


async def test_slow_drift_is_no_sleep(autojump_clock: MockClock) -> None:
    """Clocks that drift apart slowly do not count as sleep."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        for _ in range(20):
            pair.server.slept += 0.4
            assert isinstance(pair.chat.status, Connected)
        with trio.move_on_after(20) as waited:
            await anext(events)
        assert waited.cancelled_caught
