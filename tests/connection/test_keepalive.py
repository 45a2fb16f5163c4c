"""The keepalive task. When it pings, and what it makes of silence: see `test_section4`, `test_sleep`."""

from __future__ import annotations

import attrs
import trio
from trio.testing import MockClock

from cometconn.emulator import Kind

from .harness import open_pair, settle


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """Counts the steps of the tasks of a name."""

    name: str
    count: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task.name == self.name


async def test_it_wakes_up_once_a_ping(autojump_clock: MockClock) -> None:
    """An answered ping has no alarm that rings later: with thousands of clients these would be felt."""
    steps = Steps("cometconn.keepalive")
    async with open_pair(connect=True) as pair:
        await settle()
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(151)
        trio.lowlevel.remove_instrument(steps)
        pings = [entry for entry in pair.log(Kind.FRAME_IN) if entry.detail["frame"].get("action") == "ping"]
    assert steps.count == len(pings) == 10
