"""The keepalive task. When it pings, and what it makes of silence: see `test_section4`, `test_sleep`."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn import Waiting
from cometconn.emulator import Kind
from cometconn.events import UnknownEvent

from .harness import Pair, open_pair, settle


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """Counts the steps of the tasks of a name."""

    name: str
    count: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task.name == self.name


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
async def test_it_wakes_up_once_a_ping(autojump_clock: MockClock, jitter: float) -> None:
    """An answered ping has no alarm that rings later: with thousands of clients these would be felt."""
    steps = Steps("cometconn.keepalive")
    async with open_pair() as pair:
        pair.server.jitter = jitter
        await pair.chat.connect()
        await settle()
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(151)
        trio.lowlevel.remove_instrument(steps)
        pings = [entry for entry in pair.log(Kind.FRAME_IN) if entry.detail["frame"].get("action") == "ping"]
    assert steps.count == len(pings) == 10


async def test_clients_that_connect_together_ping_apart(autojump_clock: MockClock) -> None:
    """Each begins at a moment of its own, and keeps to it."""
    async with open_pair() as pair:
        pair.server.jitter = 1.0
        await pair.chat.connect()
        await trio.sleep(31)
        pings = [entry.at for entry in pair.log(Kind.FRAME_IN) if entry.detail["frame"].get("action") == "ping"]
    assert pings == pytest.approx([15.05, 30.05])


async def ping_and_go(pair: Pair) -> float:
    """Ping a server that says nothing any more, and wait for nothing; return when that was."""
    pair.server.drop(None, "silent")
    with trio.CancelScope() as scope:
        scope.cancel()
        await pair.chat.ping()
    return trio.current_time()


async def test_silence_after_a_ping_that_nobody_waits_for(autojump_clock: MockClock) -> None:
    """It is noticed at `pong_timeout` all the same, not at the next keepalive ping."""
    async with open_pair(connect=True) as pair:
        await settle()
        pinged = await ping_and_go(pair)
        lost = await pair.wait_status(Waiting)
        assert lost.at == pinged + 5.0


async def test_silence_counts_from_when_the_reader_goes_on(autojump_clock: MockClock) -> None:
    """A ping while a full stream holds up the reader: what answers it may lie unread, and then it has its time again."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=1) as events:
        pair.device.send('{"type":"fills it"}')
        await settle()
        await ping_and_go(pair)
        await trio.sleep(3.0)
        assert isinstance(await anext(events), UnknownEvent)
        read = trio.current_time()
        lost = await pair.wait_status(Waiting)
        assert lost.at == read + 5.0
