"""Section 11 of the contract: when a message that was handed out is acknowledged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from cometconn import AppSettings, MemoryStore
from cometconn.errors import SlowConsumerError
from cometconn.events import Gap, Overflow, TextMessage, TypingStarted, UnknownEvent
from cometconn.testing import open_memory_server
from tests.connection.harness import open_pair, settle
from tests.connection.interruptions import say
from tests.streams.acknowledging import events_of, numbers, published, reading, text, unclaimed

if TYPE_CHECKING:
    from cometconn import EventStream

# acknowledge="next"


@pytest.mark.parametrize("warm", [1, 2, 5])
async def test_the_next_call_acknowledges_even_if_it_is_cancelled(warm: int) -> None:
    """What a task got is acknowledged when it calls for the next event, and not before; a cancel of that call changes nothing."""
    streams = published()
    async with events_of(streams) as stream:
        published(*range(1, warm + 2), streams=streams)
        assert await reading(stream, warm) == list(range(1, warm + 1))
        assert streams.position == warm - 1
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
        assert scope.cancelled_caught
        assert streams.position == warm
        assert await reading(stream, 1) == [warm + 1], "the cancelled call took nothing"


async def test_a_cancelled_wait_for_a_batch_acknowledges_too(autojump_clock: MockClock) -> None:
    """A call for the next batch acknowledges the batch in hand, even if the call is cancelled."""
    streams = published(1, 2, 3)
    async with events_of(streams) as stream:
        assert numbers(await stream.batch()) == [1, 2, 3]
        assert streams.position == 0
        with trio.move_on_after(1):
            await stream.batch()
        assert streams.position == 3


async def test_single_events_and_batches_mixed() -> None:
    """A call of either kind acknowledges what the task had, and nothing of what the call returns."""
    streams = published(1, 2, 3)
    async with events_of(streams) as stream:
        assert await reading(stream, 1) == [1]
        assert numbers(await stream.batch()) == [2, 3]
        assert streams.position == 1
        published(4, 5, streams=streams)
        assert await reading(stream, 1) == [4]
        assert streams.position == 3
        assert stream.statistics().unacknowledged == 1
        assert await reading(stream, 1) == [5]
        assert streams.position == 4


@pytest.mark.parametrize("readers", [2, 10])
async def test_each_task_acknowledges_what_it_got_itself(readers: int, autojump_clock: MockClock) -> None:
    """A call of one task acknowledges nothing that the others have in hand."""
    streams = published(*range(1, readers + 1))
    asked = [trio.Event() for _ in range(readers)]

    async def read(index: int) -> None:
        assert await reading(stream, 1) == [index + 1]
        await asked[index].wait()
        with trio.move_on_after(0.1):
            await anext(stream)

    async with events_of(streams) as stream, trio.open_nursery() as nursery:
        for index in range(readers):
            nursery.start_soon(read, index)
            await settle()
        assert streams.position == 0
        assert stream.statistics().unacknowledged == readers
        for index in reversed(range(1, readers)):
            asked[index].set()
            await settle()
            assert streams.position == 0, "the first has not called again"
            assert streams.acknowledged_beyond(0) == tuple(range(index + 1, readers + 1))
        asked[0].set()
        await settle()
        assert streams.position == readers


async def test_a_task_that_dies_with_an_event_in_hand() -> None:
    """No other task acknowledges the event of a task that has died: it stays open until the block is left without an exception."""
    streams = published(1, 2, 3)
    async with events_of(streams) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading, stream, 1)
        assert await reading(stream, 2) == [2, 3]
        assert streams.position == 0
        assert streams.acknowledged_beyond(0) == (2,)
    assert streams.position == 3
    assert unclaimed(streams) == []


class _LeftError(Exception):
    pass


@pytest.mark.parametrize("way", ["break", "return"])
async def test_leaving_without_an_exception_acknowledges_what_was_handed_out(way: str) -> None:
    """Leaving the block normally acknowledges what any task has in hand; what was never handed out stays open."""
    streams = published(1, 2, 3)

    async def leave() -> None:
        async with events_of(streams) as stream:
            async for event in stream:
                if event.id == 2:
                    if way == "return":
                        return
                    break

    await leave()
    assert streams.position == 2
    assert unclaimed(streams) == [3]


@pytest.mark.parametrize("error", [_LeftError, KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_leaving_by_an_exception_acknowledges_nothing(error: type[BaseException]) -> None:
    """After an exception, what was in hand comes again to the next stream, in its place."""
    streams = published(1, 2, 3)
    with pytest.raises(error):
        async with events_of(streams) as stream:
            await reading(stream, 2)
            raise error
    assert streams.position == 1
    assert unclaimed(streams) == [2, 3]
    async with events_of(streams) as stream:
        assert await reading(stream, 2) == [2, 3]


async def test_leaving_by_a_cancel_acknowledges_nothing() -> None:
    """A cancel counts as an exception: the event in hand stays open, but the cancelled call has acknowledged those before it."""
    streams = published(1, 2)
    with trio.CancelScope() as scope:
        async with events_of(streams) as stream:
            await reading(stream, 2)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert unclaimed(streams) == [2]
    with trio.CancelScope() as scope:
        async with events_of(streams) as stream:
            await reading(stream, 1)
            scope.cancel()
            await anext(stream)
    assert unclaimed(streams) == []
    assert streams.position == 2


# acknowledge="call"


async def test_call_acknowledges_one_event_by_its_identity() -> None:
    """`acknowledge()` of the same event again does nothing; one that was not handed out, or is only equal, is a ValueError."""
    streams = published(1, 2, 3)
    async with events_of(streams, acknowledge="call") as stream:
        one, two = [await anext(stream) for _ in range(2)]
        assert one == text(1)
        for never in (text(1), text(3), UnknownEvent("x", {})):
            with pytest.raises(ValueError, match="not handed out"):
                stream.acknowledge(never)
        waiting = next(iter(stream._queue.entries))[0]
        with pytest.raises(ValueError, match="not handed out"):
            stream.acknowledge(waiting)
        stream.acknowledge(two)
        assert streams.position == 0
        assert streams.acknowledged_beyond(0) == (2,)
        stream.acknowledge(one)
        assert streams.position == 2
        before = stream.statistics()
        stream.acknowledge(one)
        assert stream.statistics() == before
        (three,) = await stream.batch()
        stream.acknowledge(three)
        assert streams.position == 3


async def test_what_is_no_message_is_acknowledged_at_once_and_may_be_passed() -> None:
    """An event without an id cannot come again: it counts as acknowledged at once, and `acknowledge()` accepts it."""
    streams = published()
    async with events_of(streams, acknowledge="call", overflow="drop_oldest", max_events=2) as stream:
        for name in "abc":
            streams.publish(UnknownEvent(name, {}), 1)
        hole = await anext(stream)
        assert isinstance(hole, Overflow)
        event = await anext(stream)
        (other,) = await stream.batch()
        assert stream.statistics().unacknowledged == 0
        assert stream._queue.size == 0
        for handed_out in (hole, event, other):
            stream.acknowledge(handed_out)


@pytest.mark.parametrize("acknowledge", ["next", "never"])
async def test_acknowledge_is_for_streams_opened_with_call(acknowledge: str) -> None:
    """In a stream opened without `acknowledge="call"`, `acknowledge()` raises an error that explains what to do."""
    streams = published()
    async with events_of(streams, acknowledge=acknowledge) as stream:
        published(1, streams=streams)
        with pytest.raises(RuntimeError, match='acknowledge="call"'):
            stream.acknowledge(await anext(stream))


@pytest.mark.parametrize("well", [True, False])
async def test_call_after_the_block_was_left(well: bool) -> None:
    """After the block, what was not acknowledged is unclaimed, and `acknowledge()` still works for it."""
    streams = published(1, 2, 3)
    kept: list[Any] = []
    try:
        async with events_of(streams, acknowledge="call") as stream:
            kept = [await anext(stream) for _ in range(2)]
            if not well:
                raise _LeftError
    except _LeftError:
        pass
    assert unclaimed(streams) == [1, 2, 3]
    stream.acknowledge(kept[0])
    stream.acknowledge(kept[0])
    assert unclaimed(streams) == [2, 3]
    assert streams.position == 1
    async with events_of(streams) as other:
        assert await reading(other, 1) == [2]
        stream.acknowledge(kept[1])
        assert streams.position == 1, "the other stream has it now"
        assert await reading(other, 1) == [3]
    assert streams.position == 3


@pytest.mark.parametrize("bound", ["events", "bytes"])
async def test_never_acknowledging_pauses_with_one_warning(
    bound: str, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """Events handed out and not acknowledged count towards max_events and max_bytes: the stream pauses, with one warning."""
    streams = published()
    bounds = {"max_events": 3} if bound == "events" else {"max_bytes": 30}
    async with events_of(streams, acknowledge="call", **bounds) as stream:
        published(1, 2, streams=streams)
        assert not streams.full
        kept = await stream.batch()
        published(3, streams=streams)
        assert streams.full
        kept += await stream.batch()
        assert streams.full
        assert stream.statistics().unacknowledged == 3
        with caplog.at_level(logging.WARNING, "cometconn"):
            for _ in range(2):
                with trio.move_on_after(1):
                    await anext(stream)
        (record,) = caplog.records
        assert "events.acknowledge(event)" in record.getMessage()
        stream.acknowledge(kept[1])
        assert not streams.full


# acknowledge="never"


async def test_never_starts_empty_leaves_nothing_and_does_not_count() -> None:
    """With `"never"` a stream starts empty, what it takes stays unclaimed, and what it has in hand does not hold the position."""
    streams = published(1, 2)
    async with events_of(streams, acknowledge="never") as stream:
        published(3, 4, streams=streams)
        assert unclaimed(streams) == [1, 2, 3, 4]
        assert await reading(stream, 1) == [3]
        async with events_of(streams) as counting:
            assert await reading(counting, 4) == [1, 2, 3, 4]
            published(5, streams=streams)
        assert streams.position == 4
        assert unclaimed(streams) == [5]
    assert unclaimed(streams) == [5]


@pytest.mark.parametrize("by", ["one", "batch"])
async def test_never_keeps_no_room_for_tasks_that_do_not_come_back(by: str) -> None:
    """With `"never"` a stream does not fill when each task reads one event and never calls again."""
    streams = published()
    async with events_of(streams, acknowledge="never", max_events=3, max_bytes=35) as stream:
        for number in range(1, 20):
            published(number, streams=streams)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reading if by == "one" else _batch, stream, 1)
        assert not streams.full
        assert stream.statistics().unacknowledged <= 1


async def _batch(stream: EventStream, _: int) -> None:
    await stream.batch()


# Several streams


async def test_handled_when_each_that_took_it_has_acknowledged() -> None:
    """With several counting streams a message is open until the last one has acknowledged it."""
    streams = published()
    async with events_of(streams) as one, events_of(streams) as two, events_of(streams, TypingStarted):
        published(1, 2, streams=streams)
        assert await reading(one, 2) == [1, 2]
        assert streams.position == 0
        assert await reading(two, 1) == [1]
        assert streams.position == 0
        assert await reading(two, 1) == [2]
        assert streams.position == 1


async def test_it_comes_again_to_all_otherwise() -> None:
    """A message that two streams had and neither acknowledged comes once to the next stream."""
    streams = published()
    with pytest.raises(_LeftError):
        async with events_of(streams) as one, events_of(streams) as two:
            published(1, 2, streams=streams)
            await reading(one, 1)
            await reading(two, 1)
            raise _LeftError
    assert unclaimed(streams) == [1, 2]
    assert streams.position == 0


async def test_what_another_has_taken_is_not_given_back_twice() -> None:
    """A message that another counting stream still holds does not become unclaimed when one stream closes."""
    streams = published()
    async with events_of(streams) as stays:
        with pytest.raises(_LeftError):
            async with events_of(streams) as goes:
                published(1, streams=streams)
                await reading(goes, 1)
                raise _LeftError
        assert unclaimed(streams) == []
        assert streams.position == 0
        assert await reading(stays, 1) == [1]


# A stream full of what was handed out


@pytest.mark.parametrize("acknowledge", ["next", "call"])
async def test_drop_oldest_full_of_unacknowledged(acknowledge: str) -> None:
    """A stream with drop_oldest keeps what was handed out and drops what arrives; an Overflow reports it."""
    streams = published(1, 2, 3)
    async with events_of(streams, overflow="drop_oldest", max_events=3, acknowledge=acknowledge) as stream:
        assert numbers(await stream.batch()) == [1, 2, 3]
        published(4, 5, streams=streams)
        assert not streams.full
        assert stream.statistics().events == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, stream, [-2])
        assert stream.statistics().dropped == 2
        assert stream.statistics().unacknowledged == 3


async def _expect(stream: EventStream, expected: list[int]) -> None:
    with trio.fail_after(20):
        assert await reading(stream, len(expected)) == expected


async def test_drop_oldest_full_of_unacknowledged_and_more_behind(autojump_clock: MockClock) -> None:
    """What waits behind unacknowledged events is bounded by the default bounds, and a waiting task gets the Overflow."""
    streams = published(*range(1, 1001))
    async with events_of(streams, overflow="drop_oldest", max_events=1, acknowledge="call") as stream:
        first = await anext(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, stream, [-1])
            await settle()
            published(*range(1001, 1027), streams=streams)
        published(*range(1027, 1030), streams=streams)
        assert stream.statistics().behind == 1024
        assert numbers([await anext(stream)]) == [-3]
        stream.acknowledge(first)
        assert await reading(stream, 1) == [6]
        assert streams.position == 5


async def test_fail_full_of_unacknowledged(autojump_clock: MockClock) -> None:
    """A stream with overflow="fail" fails at the event without room, which is unclaimed; what was handed out stays open."""
    streams = published(1, 2)
    async with events_of(streams, overflow="fail", max_events=2, acknowledge="call") as stream:
        one, _ = await stream.batch()
        published(3, 4, streams=streams)
        with pytest.raises(SlowConsumerError):
            await anext(stream)
        assert unclaimed(streams) == [3, 4]
        stream.acknowledge(one)
        assert streams.position == 1
    assert unclaimed(streams) == [2, 3, 4]


async def test_a_failing_stream_wakes_every_waiting_task(autojump_clock: MockClock) -> None:
    """When a stream fails, four tasks that wait while a fifth has the only event in hand get the SlowConsumerError each."""
    streams = published()
    failed = []

    async def read() -> None:
        try:
            await anext(stream)
        except SlowConsumerError:
            failed.append(trio.current_time())

    async with events_of(streams, overflow="fail", max_events=1) as stream:
        published(1, streams=streams)
        await anext(stream)
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(read)
                await settle()
                published(2, streams=streams)
        assert len(failed) == 4


async def test_a_stream_filled_with_the_unclaimed_pauses() -> None:
    """A stream takes as many unclaimed events as fit; when they fill it exactly, the socket is not read for one more."""
    streams = published(1, 2, 3)
    async with events_of(streams, max_events=3) as stream:
        assert streams.full
        await reading(stream, 1)
        assert streams.full, "what is in hand counts"
        await reading(stream, 1)
        assert not streams.full


async def test_an_ended_stream_hands_out_the_rest_whatever_is_unacknowledged(autojump_clock: MockClock) -> None:
    """The client was left and no newer event comes, so the bounds hold nothing back and every reader ends."""
    streams = published(1, 2, 3)
    async with events_of(streams, max_events=1) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading, stream, 1)
        streams.close()
        with trio.fail_after(5):
            assert numbers([event async for event in stream]) == [2, 3]


async def test_a_stream_is_over_when_its_block_is() -> None:
    """After the block, reading ends at once, and the statistics count what can still be acknowledged."""
    streams = published(1, 2)
    async with events_of(streams) as stream:
        await reading(stream, 1)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert await stream.batch() == []
    assert (stream.statistics().unacknowledged, stream._queue.size) == (0, 0)
    assert unclaimed(streams) == [2]


async def test_a_reader_cancelled_while_it_waits_leaves_no_trace(autojump_clock: MockClock) -> None:
    """A task whose wait was cancelled is not woken any more: the next one is."""
    streams = published()
    got: list[int] = []

    async def read(scope: trio.CancelScope) -> None:
        with scope:
            got.extend(await reading(stream, 1))

    async with events_of(streams) as stream, trio.open_nursery() as nursery:
        scopes = [trio.CancelScope() for _ in range(3)]
        for scope in scopes:
            nursery.start_soon(read, scope)
        await trio.testing.wait_all_tasks_blocked()
        scopes[1].cancel()
        await trio.testing.wait_all_tasks_blocked()
        for number in (1, 2):
            published(number, streams=streams)
            await trio.testing.wait_all_tasks_blocked()
            assert got == list(range(1, number + 1))


def test_the_calls_of_a_stream_are_safe_from_ctrl_c() -> None:
    """A KeyboardInterrupt within a call of a stream loses no event: it is raised at the next checkpoint."""
    streams = published()
    seen: list[bool] = []

    class Watching:
        @property
        def on_moved(self) -> None:
            seen.append(trio.lowlevel.currently_ki_protected())

    async def main() -> None:
        assert not trio.lowlevel.currently_ki_protected()
        for acknowledge in ("next", "call"):
            async with events_of(streams, acknowledge=acknowledge, max_events=9) as stream:
                stream._queue._owner = Watching()  # type: ignore[assignment]
                streams.forget()
                published(*range(1, 4), streams=streams)
                for event in [await anext(stream) for _ in range(3)]:
                    if acknowledge == "call":
                        stream.acknowledge(event)
                published(4, streams=streams)
                await stream.batch()

    trio.run(main)
    assert seen
    assert all(seen)


# Through a whole client


@pytest.mark.parametrize("catch_up", [False, True])
async def test_what_is_in_hand_at_an_exception_comes_again_to_the_next_stream(
    catch_up: bool,
    autojump_clock: MockClock,
) -> None:
    """Each message comes once, except the one that was in hand when the program raised."""
    async with open_pair(connect=True, settings=AppSettings(catch_up=catch_up)) as pair:
        got = []
        for number in range(4):
            say(pair.server, str(number))
        await settle()
        for _ in range(2):
            with pytest.raises(_LeftError):
                async with pair.chat.events(TextMessage) as events:
                    async for event in events:
                        got.append(event.text)
                        if len(got) in {2, 4}:
                            raise _LeftError
        async with pair.chat.events(TextMessage) as events:
            with trio.move_on_after(1):
                async for event in events:
                    got.append(event.text)
        assert got == ["0", "1", "1", "2", "2", "3"]


async def test_call_through_a_client(autojump_clock: MockClock) -> None:
    """chat.position follows what is acknowledged, and after a restart exactly the other messages come again."""
    store, settings = MemoryStore(), AppSettings(catch_up=True)
    async with open_memory_server() as server:
        async with (
            open_pair(given=server, connect=True, store=store, settings=settings) as pair,
            pair.chat.events(TextMessage, acknowledge="call") as events,
        ):
            for word in "abc":
                say(pair.server, word)
            a, b, c = [await anext(events) for _ in range(3)]
            events.acknowledge(b)
            assert pair.chat.position == a.id - 1
            await events.commit()
            assert store._positions["APP"].acknowledged == (b.id,)
            events.acknowledge(a)
            assert pair.chat.position == b.id
            await events.commit()
            assert store._positions["APP"].message_id == b.id
            a_and_c = [a, c]
        async with (
            open_pair(given=server, store=store, settings=settings) as pair,
            pair.chat.events(TextMessage) as events,
        ):
            gap, again = [await anext(events) for _ in range(2)]
            assert isinstance(gap, Gap)
            assert again.id == a_and_c[1].id
            with trio.move_on_after(5):
                raise AssertionError(await anext(events))
