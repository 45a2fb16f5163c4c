"""Section 11 of the contract: events that no stream has taken wait for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import MockClock

from cometconn import Connected, MemoryStore
from cometconn._streams.streams import Streams
from cometconn.errors import SlowConsumerError
from cometconn.events import Event, Overflow, TextMessage, TypingStarted, User
from tests.connection.harness import open_pair, settle
from tests.connection.interruptions import CATCHING_UP, say
from tests.streams.acknowledging import events_of, numbers, published, reading, unclaimed

if TYPE_CHECKING:
    from cometconn import EventStream
    from tests.connection.harness import Pair

TYPING = TypingStarted(sender=User("amy-2"), receiver=User("zed-1"))


class _LeftError(Exception):
    pass


async def test_as_many_as_fit_at_a_time_and_before_anything_newer() -> None:
    """A stream of three events takes seven unclaimed ones in their order, and what arrives meanwhile after them."""
    streams = published(*range(1, 8))
    async with events_of(streams, max_events=3) as stream:
        assert (stream.statistics().events, stream.statistics().behind) == (3, 4)
        published(8, streams=streams)
        got = []
        for expected in range(1, 9):
            got += await reading(stream, 1)
            assert stream._queue._count() <= 3
            assert streams.position == expected - 1
        assert got == list(range(1, 9))


async def test_as_many_as_fit_in_bytes() -> None:
    """The bound in bytes keeps the other unclaimed events waiting, too."""
    streams = published(*range(1, 8))
    async with events_of(streams, max_bytes=25) as stream:
        assert (stream.statistics().events, stream.statistics().behind) == (3, 4)
        assert streams.full
        assert await reading(stream, 7) == list(range(1, 8))


@pytest.mark.parametrize("overflow", ["pause", "drop_oldest", "fail"])
async def test_no_unclaimed_event_is_dropped_because_it_does_not_fit(overflow: str) -> None:
    """With every overflow policy, the unclaimed events that a stream begins with wait for room."""
    streams = published(*range(1, 101))
    async with events_of(streams, overflow=overflow, max_events=3) as stream:
        published(101, streams=streams)
        assert await reading(stream, 101) == list(range(1, 102))
        assert stream.statistics().dropped == 0


async def test_what_a_stream_does_not_want_goes_on_waiting() -> None:
    """An event that a stream does not want stays unclaimed, and comes first in the next stream that wants it."""
    streams = Streams()
    published(1, streams=streams)
    streams.publish(TYPING, 10)
    published(2, streams=streams)
    async with events_of(streams, TypingStarted) as stream:
        assert await anext(stream) == TYPING
        published(3, streams=streams)
        assert unclaimed(streams) == [1, 2]
        assert streams.position == 0
        async with events_of(streams, TextMessage) as other:
            assert await reading(other, 2) == [1, 2]
    assert streams.position == 3, "3 came while a stream was open that did not want it"


async def test_a_second_stream_does_not_steal_the_rest_of_the_first() -> None:
    """Unclaimed events of the first stream stay its own, even those without room; when it closes, the next one gets them."""
    streams = published(*range(1, 6))
    async with events_of(streams, max_events=2) as first:
        async with events_of(streams) as second:
            assert second.statistics().events == 0
            published(6, streams=streams)
            assert await reading(second, 1) == [6]
        assert await reading(first, 3) == [1, 2, 3]
    assert unclaimed(streams) == [4, 5, 6], "6 was open in the first, too"
    assert streams.position == 3
    async with events_of(streams) as third:
        assert await reading(third, 3) == [4, 5, 6]


async def test_what_comes_after_a_stream_failed_is_unclaimed() -> None:
    """A failed stream takes no events, so new ones are unclaimed; what it holds stays its own."""
    streams = Streams()
    async with events_of(streams, overflow="fail", max_events=2) as stream:
        published(1, 2, 3, 4, streams=streams)
        assert unclaimed(streams) == [3, 4]
        assert await reading(stream, 2) == [1, 2]
        with pytest.raises(SlowConsumerError):
            await anext(stream)
        async with events_of(streams) as other:
            assert await reading(other, 2) == [3, 4]
            published(5, streams=streams)
            assert await reading(other, 1) == [5]
    assert streams.position == 5


@pytest.mark.parametrize("seed", range(5))
async def test_what_streams_give_back_stands_in_the_order_of_arrival(seed: int) -> None:
    """However two streams shared the events, and whichever closes first, the unclaimed ones are in the order of arrival."""
    streams = published(1, 2)
    with pytest.raises(_LeftError):
        async with (
            events_of(streams, max_events=1) as first,
            events_of(streams, overflow="fail", max_events=2) as second,
        ):
            published(3, 4, 5, streams=streams)
            await reading(first if seed % 2 else second, 1)
            raise _LeftError
    assert unclaimed(streams) == [1, 2, 3, 4, 5]


# Overflow


async def test_beyond_the_bounds_the_oldest_are_dropped_and_reported() -> None:
    """The next stream begins with an Overflow; until it is read, the position stays before what was dropped."""
    streams = published(*range(1, 1031))
    assert streams.unclaimed.statistics().events == 1024
    assert streams.position == 0
    assert streams.acknowledged_beyond(0) == ()
    async with events_of(streams) as stream:
        assert streams.position == 0
        assert numbers([await anext(stream)]) == [-6]
        assert streams.position == 6
        assert await reading(stream, 1) == [7]
    assert streams.dropped == 6


async def test_what_was_dropped_and_not_reported_is_reported_by_the_next_stream() -> None:
    """When a stream closes before its Overflow is read, the next stream begins with that Overflow."""
    streams = published(*range(1, 1031))
    async with events_of(streams):
        pass
    async with events_of(streams, overflow="drop_oldest", max_events=2000) as stream:
        assert stream._queue._unreported == 6
    assert streams.position == 0
    async with events_of(streams, overflow="drop_oldest", max_events=1) as stream:
        assert numbers([await anext(stream)]) == [-6]
        assert await reading(stream, 1) == [7]


async def test_what_a_stream_dropped_is_not_acknowledged_before_it_is_reported() -> None:
    """If the program ends before it reads the Overflow, the dropped messages are fetched again."""
    streams = Streams()
    async with events_of(streams, overflow="drop_oldest", max_events=2) as stream:
        published(*range(1, 6), streams=streams)
        assert streams.position == 0
        assert streams.acknowledged_beyond(0) == ()
        assert numbers([await anext(stream)]) == [-3]
        assert streams.position == 3
        published(6, 7, streams=streams)
        assert streams.position == 3
    assert streams.position == 3
    async with events_of(streams) as stream:
        assert numbers([await anext(stream)]) == [-2]
        assert streams.position == 5


async def test_a_dropped_message_of_another_user_holds_no_position() -> None:
    """The Overflow of another user's messages still comes, and does not hold the position of the next user."""
    streams = Streams()
    async with events_of(streams, overflow="drop_oldest", max_events=2) as stream:
        published(*range(1, 6), streams=streams)
        streams.forget()
        published(101, 102, streams=streams)
        assert streams.position == 100
        assert (await reading(stream, 1))[0] < 0
        assert streams.position == 100


async def test_closed_streams_keep_what_another_user_had_to_themselves() -> None:
    """Events from before another user logged in stay readable in their stream, and are not given to the next stream."""
    streams = Streams()
    with pytest.raises(_LeftError):
        async with events_of(streams, acknowledge="call") as stream:
            published(1, 2, streams=streams)
            old = await anext(stream)
            streams.forget()
            published(1, 3, streams=streams)
            assert streams.position == 0
            assert numbers(await stream.batch()) == [2, 1, 3]
            raise _LeftError
    assert unclaimed(streams) == [1, 3]
    stream.acknowledge(old)
    assert unclaimed(streams) == [1, 3]


# Catching up while nothing listens


async def _missed(pair: Pair, count: int) -> None:
    for device in pair.server.world.devices():
        device.reset()
    await settle()
    for number in range(count):
        say(pair.server, str(number))
    await pair.wait_status(Connected)
    await settle()


async def _texts(stream: EventStream) -> list[str]:
    got: list[Event] = []
    with trio.move_on_after(5):
        while True:
            got.append(await anext(stream))
    return [event.text if isinstance(event, TextMessage) else type(event).__name__ for event in got]


async def test_nothing_fetched_is_dropped_while_no_stream_is_open(autojump_clock: MockClock) -> None:
    """Fetching waits while no stream is open and the unclaimed buffer is full; the next stream gets every message."""
    async with open_pair(connect=True, settings=CATCHING_UP) as pair:
        say(pair.server, "before")
        await settle()
        await _missed(pair, 3000)
        await trio.sleep(100)
        say(pair.server, "live")
        await settle()
        statistics = pair.chat.statistics()
        assert statistics.unclaimed.events == 1024
        assert pair.chat._core.streams.dropped == 0
        async with pair.chat.events(TextMessage, max_events=100) as events:
            got = await _texts(events)
        assert [word for word in got if word != "Gap"] == ["before", *map(str, range(3000)), "live"]
        assert "Overflow" not in got


async def test_a_program_that_opens_no_stream_stays_connected(autojump_clock: MockClock) -> None:
    """Once the limit of live events held back is reached, fetching continues, the oldest are dropped, and the socket is read."""
    async with open_pair(connect=True, settings=CATCHING_UP) as pair:
        await _missed(pair, 3000)
        for number in range(1100):
            say(pair.server, f"live {number}")
            if number % 100 == 0:
                await settle()
        await trio.sleep(5)
        assert pair.chat.statistics().unclaimed.events == 1024
        with trio.fail_after(20):
            await pair.chat.ping()
        async with pair.chat.events() as events:
            assert isinstance(await anext(events), Overflow)


# Another user


async def test_a_forced_logout_keeps_what_waits_and_the_position(autojump_clock: MockClock) -> None:
    """After a forced logout the same user continues where they were, and no message comes twice."""
    store = MemoryStore()
    async with open_pair(connect=True, settings=CATCHING_UP, store=store) as pair:
        async with pair.chat.events(TextMessage) as events:
            say(pair.server, "1")
            first = await anext(events)
            say(pair.server, "2")
            await settle()
            pair.server.forget_tokens()
            for device in pair.server.world.devices():
                device.reset()
            await trio.sleep(10)
            assert pair.chat.get_logged_in_user() is None
            assert (await anext(events)).text == "2"
            await trio.sleep(1)
            assert store._positions["APP"].message_id == first.id, "what was acknowledged afterwards is saved"
        await trio.sleep(1)
        assert store._positions["APP"].message_id == first.id + 1
        say(pair.server, "3")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        await pair.wait_status(Connected)
        async with pair.chat.events(TextMessage) as events:
            assert [word for word in await _texts(events) if word != "Gap"] == ["3"]


async def test_another_user_after_a_forced_logout_gets_nothing_of_the_first(autojump_clock: MockClock) -> None:
    """Another user gets nothing of what was held back, unfetched or unclaimed for the first one."""
    async with open_pair(connect=True, settings=CATCHING_UP) as pair:
        say(pair.server, "unclaimed")
        await settle()
        catch_up = pair.chat._login.catch_up
        assert catch_up is not None
        for device in pair.server.world.devices():
            device.reset()
        await settle()
        say(pair.server, "missed")
        pair.server.forget_tokens()
        await trio.sleep(10)
        assert pair.chat.get_logged_in_user() is None
        await pair.chat.login(uid="amy-2", auth_key="KEY")
        assert not catch_up.wanted
        await pair.wait_status(Connected)
        async with pair.chat.events() as events:
            assert await _texts(events) == []
