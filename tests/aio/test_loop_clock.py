"""Times are those of the asyncio loop."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from cometconn.aio._loop_clock import LoopClock
from cometconn.events import Gap

from .harness import Server, connected, run


def test_times_are_those_of_the_loop(server: Server) -> None:
    """Of a status, of a change, and of a gap."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with connected(server) as chat, chat.events() as events, chat.statuses() as statuses:
            assert began <= chat.status.at <= loop.time()
            assert (await anext(statuses)).current.at == chat.status.at
            server.do("drop", "zed-1")
            gap = await anext(events)
            assert isinstance(gap, Gap)
            assert began <= gap.since <= gap.until <= loop.time()

    run(main)


class OtherLoop:
    """A loop that counts from its start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def time(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._began


def test_a_loop_with_another_clock() -> None:
    """Its clock is followed at the distance that it had."""
    loop: Any = OtherLoop()
    clock = LoopClock(loop)
    assert abs(loop.time() - clock.current_time()) < 5
    assert abs(clock.deadline_to_sleep_time(loop.time() + 50) - 50) < 5


def test_a_loop_whose_time_is_late() -> None:
    """That of uvloop is, by as long as a callback has run: the clock is not."""

    class Late(OtherLoop):
        def time(self) -> float:
            return time.monotonic() - 2

    late: Any = Late()
    assert abs(LoopClock(late).current_time() - time.monotonic()) < 1.5
