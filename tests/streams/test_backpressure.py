"""Contract section 6: every buffer is bounded, and each overflow policy keeps its promise for hours."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppSettings, Connected, Timing, Waiting
from cometconn.errors import ProtocolError, SlowConsumerError
from cometconn.events import Event, Gap, Overflow, TypingStarted, UnknownEvent
from tests.connection.harness import Pair, open_pair, settle

HOUR = 3600.0
BIG = "x" * 1000


def kinds(events: list[Event]) -> list[str]:
    """The events in words."""
    return [event.type if isinstance(event, UnknownEvent) else type(event).__name__ for event in events]


async def pour(pair: Pair, count: int, *, every: float = 0.0, filling: str = "") -> None:
    """Send *count* numbered events from a server that does not close a slow connection."""
    device = pair.device
    device.limit = 10 * count  # pongs wait in it, too
    for number in range(count):
        device.send(json.dumps({"type": f"{number}", "filling": filling}))
        if every:
            await trio.sleep(every)


async def drain(stream: Any, count: int) -> list[str]:
    """Read *count* events, which must come within a minute."""
    with trio.fail_after(60):
        return kinds([await anext(stream) for _ in range(count)])


async def test_a_consumer_asleep_for_an_hour_loses_nothing_with_pause(autojump_clock: MockClock) -> None:
    """With "pause" the bounds in events and bytes hold, the connection stays, and afterwards every event comes, in order."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=500, max_bytes=100_000) as events:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: pour(pair, 3000, every=1.0, filling=BIG))
            for _ in range(60):
                await trio.sleep(HOUR / 60)
                seen = events.statistics()
                assert seen.events <= 500
                assert seen.size <= 100_000 + 2000
        assert events.statistics().size >= 100_000
        assert await drain(events, 3000) == [str(number) for number in range(3000)]
        assert pair.now() == "Connected(1)"
        assert pair.chat.statistics().attempts == 1
        assert events.statistics().handed_out == 3000


async def test_a_consumer_asleep_with_drop_oldest_has_the_newest(autojump_clock: MockClock) -> None:
    """A stream with drop_oldest has the newest events, and one Overflow with the number of those that were dropped."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=100, overflow="drop_oldest") as events:
        await pour(pair, 2000, every=1.0)
        await settle()
        first = await anext(events)
        assert isinstance(first, Overflow)
        assert first.dropped == 1900
        assert await drain(events, 100) == [str(number) for number in range(1900, 2000)]
        assert events.statistics().dropped == 1900


@pytest.mark.parametrize("policy", ["drop_oldest", "fail"])
async def test_a_slow_stream_does_not_slow_a_fast_one(policy: Any, autojump_clock: MockClock) -> None:
    """A stream beside one that is never read gets every event at once."""
    async with (
        open_pair(connect=True) as pair,
        pair.chat.events(max_events=5, overflow=policy) as slow,
        pair.chat.events() as fast,
    ):
        for number in range(100):
            pair.device.send_json({"type": str(number)})
            await settle()
            assert fast.statistics().events == 1
            assert await drain(fast, 1) == [str(number)]
        if policy == "fail":
            assert await drain(slow, 5) == ["0", "1", "2", "3", "4"]
            with pytest.raises(SlowConsumerError):
                await anext(slow)
        else:
            assert slow.statistics().dropped == 95


async def test_a_filtered_stream_counts_only_what_it_takes(autojump_clock: MockClock) -> None:
    """A stream of typing events is not filled by what it does not take, and pauses nothing."""
    async with (
        open_pair(connect=True) as pair,
        pair.chat.events(TypingStarted, max_events=1),
        pair.chat.events() as all_,
    ):
        await pour(pair, 50)
        await settle()
        assert len(await all_.batch()) == 50


async def test_live_events_held_back_are_bounded_in_bytes(autojump_clock: MockClock) -> None:
    """While missed messages are fetched, the socket is read up to a bound in bytes, and no event is lost."""
    settings = AppSettings(catch_up=True, timing=Timing(request_timeout=60))
    async with open_pair(connect=True, settings=settings) as pair, pair.chat.events() as events:
        pair.chat.enter_background()
        await settle()
        pair.server.set(rest="hang")
        pair.chat.enter_foreground()
        await pair.wait_status(Connected)
        await pour(pair, 30, filling="x" * 500_000)
        await trio.sleep(1)
        held = pair.chat.statistics().held
        assert held is not None
        assert held.max_bytes <= held.size <= held.max_bytes + 600_000
        assert held.events < 30
        assert events.statistics().events == 0
        assert kinds([await anext(events)]) == ["Gap"]  # after request_timeout
        assert await drain(events, 30) == [str(number) for number in range(30)]
        held = pair.chat.statistics().held
        assert held is not None
        assert (held.events, held.size) == (0, 0)


async def test_missed_messages_are_fetched_ahead_only_up_to_a_bound_in_bytes(autojump_clock: MockClock) -> None:
    """Beyond the bound a gap with recovered=None comes first; the rest follows page by page, then a gap with recovered=True."""
    settings = AppSettings(catch_up=True)
    async with open_pair(connect=True, settings=settings) as pair, pair.chat.events() as events:
        assert pair.chat._core.catch_up is not None
        pair.chat._core.catch_up.fetched_ahead.max_bytes = 20_000
        pair.chat.enter_background()
        await settle()
        draft = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
        for _ in range(250):
            pair.server.world.post("amy-2", {**draft, "data": {"text": BIG}})
        pair.chat.enter_foreground()
        await pair.wait_status(Connected)
        gap = await anext(events)
        assert isinstance(gap, Gap)
        assert gap.recovered is None
        got: list[Event] = []
        with trio.move_on_after(1):
            while True:
                got += await events.batch()
        assert isinstance(got[-1], Gap)
        assert (got[-1].recovered, got[-1].since) == (True, gap.since)
        assert len(got) == 251


async def test_what_comes_before_the_auth_answer_is_bounded(autojump_clock: MockClock) -> None:
    """If a server floods the client instead of accepting it, the link is lost; no event is dropped silently."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        pair.device.reset()
        pair.server.set(auth="silent")
        await trio.sleep(1.5)
        await pour(pair, 1024)
        await settle()
        assert pair.chat.statistics().early.events == 1024
        assert pair.now() == "Connecting(2)"
        pair.device.send_json({"type": "one too many"})
        await settle()
        status = pair.chat.status
        assert isinstance(status, Waiting)
        assert "before it answered the auth frame" in str(status.cause)
        assert isinstance(status.cause.__cause__, ProtocolError)
        pair.server.set(auth="accept")
        await pair.wait_status(Connected)
        assert pair.chat.statistics().early.events == 0
        assert [type(event) for event in await events.batch()] == [Gap]  # what came on a refused link is no event
