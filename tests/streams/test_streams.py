"""`Streams` and its event streams: order, bounds, markers."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from cometconn import EventStream
from cometconn._streams.stream_arguments import OverflowPolicy, stream_options
from cometconn._streams.streams import Streams
from cometconn.errors import PongTimeoutError, SettingsError, SlowConsumerError
from cometconn.events import Event, Gap, Overflow, TextMessage, TypingStarted, UnknownEvent, User
from tests.connection.harness import background, open_pair, settle

POLICIES = st.sampled_from([policy.value for policy in OverflowPolicy])
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def unknown(name: str) -> UnknownEvent:
    """A small event."""
    return UnknownEvent(type=name, raw={})


def gap(since: float, until: float) -> Gap:
    """A gap between two times."""
    return Gap(since=since, until=until, since_utc=NOW, until_utc=NOW, cause=None)


def stream_of(
    streams: Streams,
    *types: type[Event],
    policy: str = "pause",
    max_events: int = 3,
    max_bytes: int = 100,
    acknowledge: str = "next",
) -> Any:
    """A subscription."""
    return streams.subscribe(
        stream_options(types, max_events, max_bytes, policy, acknowledge), EventStream, trio.lowlevel.checkpoint
    )


async def names(stream: EventStream, count: int) -> list[str]:
    """The next events in words."""
    got = [await anext(stream) for _ in range(count)]
    return [event.type if isinstance(event, UnknownEvent) else type(event).__name__ for event in got]


async def test_a_block_is_entered_once() -> None:
    """The return value of events() opens one stream; a second use raises, and the stream is not filled twice."""
    streams = Streams()
    subscription = stream_of(streams)
    async with subscription as stream:
        with pytest.raises(RuntimeError, match="call chat.events\\(\\) again"):
            await subscription.__aenter__()
        streams.publish(unknown("a"), 1)
        assert len(await stream.batch()) == 1
    with pytest.raises(RuntimeError, match="call chat.events\\(\\) again"):
        await subscription.__aenter__()


async def test_iteration_after_the_block(autojump_clock: MockClock) -> None:
    """An `async for` that begins after its block, and so gets nothing, is an error; one that had begun just ends."""
    async with open_pair(connect=True) as pair:
        async with pair.chat.events() as events, pair.chat.statuses() as statuses:
            begun = aiter(events), aiter(statuses)
            await anext(begun[1])
        for stream, name in ((events, "events"), (statuses, "statuses")):
            with pytest.raises(
                RuntimeError, match=rf"of `async with chat.{name}\(...\) as {name}:` was left, so nothing"
            ):
                async for _ in stream:
                    raise AssertionError
        for iterator in begun:
            with pytest.raises(StopAsyncIteration):
                await anext(iterator)
        assert await events.batch() == []
        async with pair.chat.events() as open_until_the_end, pair.chat.statuses() as open_statuses:
            await pair.chat.disconnect()
            assert aiter(open_until_the_end) is open_until_the_end
            assert aiter(open_statuses) is open_statuses


async def test_what_was_acknowledged_takes_no_room() -> None:
    """A reader that keeps up never pauses the socket, however many events it reads; only what it has in hand counts."""
    streams = Streams()
    async with stream_of(streams) as stream:
        for _ in range(10):
            assert not streams.publish(unknown("a"), 49)
            await anext(stream)
        assert not streams.publish(unknown("a"), 49)
        assert streams.publish(unknown("a"), 49)


async def test_a_reader_that_never_waits() -> None:
    """A reader that never waits leaves nothing behind of what it has read, with either way of reading: buffers stay bounded."""
    streams = Streams()
    async with stream_of(streams, max_events=10, max_bytes=10**12) as stream:
        streams.publish(unknown("a"), 300)
        for _ in range(1000):
            streams.publish(unknown("a"), 300)
            await anext(stream)
        assert stream.statistics().events == 1
        for _ in range(100):
            streams.publish(unknown("a"), 300)
            await stream.batch()
        assert (stream.statistics().events, stream.statistics().size, stream._queue.size) == (0, 0, 300)


async def test_order_and_the_unclaimed() -> None:
    """No event is lost while no stream is open: the first stream begins with those that came before it."""
    streams = Streams()
    for name in "abc":
        streams.publish(unknown(name), 1)
    async with stream_of(streams, max_events=10) as first:
        streams.publish(unknown("d"), 1)
        async with stream_of(streams) as second:
            streams.publish(unknown("e"), 1)
            assert await names(first, 5) == ["a", "b", "c", "d", "e"]
            assert await names(second, 1) == ["e"]


async def test_the_unclaimed_are_bounded() -> None:
    """Beyond the default bound the oldest unclaimed events are dropped, and an Overflow takes their place."""
    streams = Streams()
    for number in range(1030):
        streams.publish(unknown(str(number)), 1)
    assert streams.unclaimed.statistics().events == 1024
    assert streams.dropped == 6
    async with stream_of(streams, max_events=2000, max_bytes=10**6) as stream:
        hole = await anext(stream)
        assert isinstance(hole, Overflow)
        assert hole.dropped == 6
        assert await names(stream, 1) == ["6"]
        assert streams.unclaimed.statistics().events == 0
        assert streams.dropped == 6


async def test_forgetting_the_unclaimed() -> None:
    """Events that one user did not read are not shown to the next user."""
    streams = Streams()
    streams.publish(unknown("a"), 1)
    streams.forget()
    async with stream_of(streams) as stream:
        streams.publish(unknown("b"), 1)
        streams.forget()
        assert await names(stream, 1) == ["b"]


async def test_filters_keep_markers() -> None:
    """A filtered stream gets the events of its types, and all markers."""
    streams = Streams()
    async with stream_of(streams, TextMessage) as stream:
        streams.publish(unknown("a"), 1)
        streams.publish(gap(1, 2), 0)
        assert await names(stream, 1) == ["Gap"]


async def test_gaps_do_not_pile_up() -> None:
    """Two gaps with nothing between them become one."""
    streams = Streams()
    async with stream_of(streams) as stream:
        streams.publish(gap(1, 2), 0)
        streams.publish(gap(3, 4), 0)
        streams.publish(unknown("a"), 1)
        (first, second) = await stream.batch()
        assert isinstance(first, Gap)
        assert (first.since, first.until) == (1, 4)
        assert second == unknown("a")


@pytest.mark.parametrize("by", ["events", "bytes"])
async def test_drop_oldest_leaves_an_overflow(by: str) -> None:
    """A stream full in events or bytes drops the oldest; an Overflow contains their number."""
    streams = Streams()
    size = 1 if by == "events" else 33
    async with stream_of(streams, policy="drop_oldest") as stream:
        for name in "abcde":
            streams.publish(unknown(name), size)
        assert not streams.full
        hole = await anext(stream)
        assert isinstance(hole, Overflow)
        assert hole.dropped == 2
        assert await names(stream, 3) == ["c", "d", "e"]
        assert stream.statistics().dropped == 2


async def test_fail_hands_out_what_it_has_and_then_raises() -> None:
    """A stream with overflow="fail" returns what it holds and then raises SlowConsumerError, at every further call."""
    streams = Streams()
    async with stream_of(streams, policy="fail") as stream:
        for name in "abcd":
            streams.publish(unknown(name), 1)
        assert await names(stream, 3) == ["a", "b", "c"]
        for _ in range(2):
            with pytest.raises(SlowConsumerError, match="3 events"):
                await anext(stream)
        with pytest.raises(SlowConsumerError):
            await stream.batch()
        assert "failed" in repr(stream)


async def test_pause_is_full_until_acknowledged() -> None:
    """A pausing stream is full at its bound, and has room again when an event is acknowledged, or when it is closed."""
    streams = Streams()
    async with stream_of(streams) as stream:
        for name in "abc":
            assert not streams.full
            streams.publish(unknown(name), 1)
        assert streams.full
        await anext(stream)
        assert streams.full
        await anext(stream)
        assert not streams.full
        streams.publish(unknown("d"), 1)
        assert streams.full
    assert not streams.full


async def test_the_end() -> None:
    """The streams of a closed client return what they hold and then stop; new ones stop at once."""
    streams = Streams()
    async with stream_of(streams) as stream:
        streams.publish(unknown("a"), 1)
        streams.close()
        streams.publish(unknown("b"), 1)
        assert [event async for event in stream] == [unknown("a")]
        assert await stream.batch() == []
        assert "ended" in repr(stream)
    async with stream_of(streams) as late:
        assert await late.batch() == []


async def test_a_cancelled_reader_loses_nothing(autojump_clock: MockClock) -> None:
    """Cancelling a waiting reader at any time leaves every event in the stream."""
    streams = Streams()
    async with stream_of(streams, max_events=100) as stream:
        with trio.move_on_after(1):
            await anext(stream)
        for number in range(10):
            with trio.CancelScope() as scope:
                scope.cancel()
                await anext(stream)
            streams.publish(unknown(str(number)), 1)
        assert await names(stream, 10) == [str(number) for number in range(10)]


async def test_two_readers_share(autojump_clock: MockClock) -> None:
    """Each event is returned to one of several readers, and both are woken."""
    streams = Streams()
    got: list[Event] = []

    async def read() -> None:
        got.append(await anext(stream))

    async with stream_of(streams) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            nursery.start_soon(read)
            await settle()
            streams.publish(unknown("a"), 1)
            streams.publish(unknown("b"), 1)
    assert {event.type for event in got if isinstance(event, UnknownEvent)} == {"a", "b"}


async def test_a_long_drain_lets_others_run() -> None:
    """Reading many events that have arrived lets other tasks run in between."""
    streams = Streams()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with stream_of(streams, max_events=1000, max_bytes=10**6) as stream:
        for number in range(500):
            streams.publish(unknown(str(number)), 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await names(stream, 500)
            nursery.cancel_scope.cancel()
    assert 5 <= turns <= 20


async def test_duplicates_and_echoes_over_the_wire(autojump_clock: MockClock) -> None:
    """A message that comes twice is handed out once; events without an id are handed out each time."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        body = pair.server.world.post(
            "amy-2",
            {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}},
        )
        frame = {"type": "message", "receiver": "zed-1", "receiverType": "user", "sender": "amy-2", "body": body}
        pair.device.send_json(frame)
        pair.device.send_json({**frame, "deviceId": pair.device.device_id, "body": {**body, "id": "99"}})
        typing = {"type": "typing_indicator", "body": {"action": "started", "user": {"uid": "amy-2"}}}
        pair.device.send_json(typing)
        pair.device.send_json(typing)
        await settle()
        kinds = [type(event) for event in await events.batch()]
        assert kinds == [TextMessage, TypingStarted, TypingStarted]
        assert pair.chat.statistics().duplicates == 1


async def test_a_paused_reader_is_no_lost_connection(autojump_clock: MockClock) -> None:
    """While a stream is full the socket is not read and silence is no loss; ping() raises PongTimeoutError; no event is lost."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=2) as events:
        for number in range(10):
            pair.device.send_json({"type": f"kind-{number}"})
        await trio.sleep(100)
        with pytest.raises(PongTimeoutError):
            await pair.chat.ping()
        assert pair.now() == "Connected(1)"
        assert pair.chat.statistics().streams[0].events == 2
        assert await names(events, 10) == [f"kind-{number}" for number in range(10)]
        await trio.sleep(100)
        assert pair.now() == "Connected(1)"


async def test_going_to_the_background_ends_a_pause(autojump_clock: MockClock) -> None:
    """A paused reader does not delay the closing handshake; what is in the stream stays readable."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=1) as events:
        for number in range(5):
            pair.device.send_json({"type": f"kind-{number}"})
        await settle()
        async with background(pair.chat.disconnect) as outcome:
            assert outcome == [None]
        assert await names(events, 1) == ["kind-0"]


@pytest.mark.parametrize(
    "arguments",
    [{"max_events": 0}, {"max_bytes": 0}, {"max_bytes": 1.5}, {"overflow": "explode"}, {"acknowledge": "perhaps"}],
)
async def test_bad_bounds(arguments: dict[str, Any], autojump_clock: MockClock) -> None:
    """Invalid bounds of a stream raise an error at once."""
    async with open_pair(login=False) as pair:
        with pytest.raises(SettingsError, match="events"):
            pair.chat.events(**arguments)


@pytest.mark.parametrize("kind", [int, "TextMessage", None, list[TextMessage]])
async def test_what_is_no_event_class(kind: Any, autojump_clock: MockClock) -> None:
    """A filter with something that is not an event class would never match, so it raises at once."""
    async with open_pair(login=False) as pair:
        with pytest.raises(SettingsError, match="an event class"):
            pair.chat.events(kind)
        async with (block := pair.chat.events(Event)):
            assert "Subscription to Event" in repr(block)


async def test_a_batch_is_everything_that_has_arrived() -> None:
    """A batch has all events in order, an Overflow first; it counts as handed out, and the next call makes room."""
    streams = Streams()
    async with stream_of(streams, policy="drop_oldest") as stream:
        for name in "abcd":
            streams.publish(unknown(name), 1)
        hole, *rest = await stream.batch()
        assert hole == Overflow(dropped=1)
        assert rest == [unknown("b"), unknown("c"), unknown("d")]
        statistics = stream.statistics()
        assert (statistics.events, statistics.size, statistics.handed_out) == (0, 0, 3)
    async with stream_of(streams) as stream:
        for name in "abc":
            assert streams.publish(unknown(name), 1) == (name == "c")
        assert len(await stream.batch()) == 3
        assert streams.full
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.batch()
        assert not streams.full


async def test_a_batch_is_a_checkpoint_and_cancelled_loses_nothing() -> None:
    """A call for a batch is always a checkpoint, and if it is cancelled, its events stay in the stream."""
    streams = Streams()
    async with stream_of(streams) as stream:
        streams.publish(unknown("a"), 1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.batch()
        assert scope.cancelled_caught
        with trio.testing.assert_checkpoints():
            assert await stream.batch() == [unknown("a")]


async def test_the_receive_loop_is_woken_when_there_is_room() -> None:
    """Iteration, a batch and the end of the stream wake the receive loop, and only once the bytes are below their bound."""
    streams = Streams()
    async with stream_of(streams, max_events=10, max_bytes=100) as stream:
        woken: list[bool] = []

        async def wait() -> None:
            while streams.full:
                await streams.room.park()
                woken.append(streams.full)

        for size in (90, 5, 60):
            streams.publish(unknown("a"), size)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await anext(stream)
            assert woken == []
            await anext(stream)
        assert woken == [False]
        streams.publish(unknown("b"), 100)
        assert streams.full
        streams.close()
        assert not streams.full


def text(number: int) -> TextMessage:
    """A message of that id."""
    return TextMessage(id=number, sender=User("amy-2"), receiver=User("zed-1"), category="message")


EVENTS = st.one_of(
    st.integers(-3, 12).map(text),
    st.sampled_from("ab").map(unknown),
    st.just(TypingStarted(sender=User("amy-2"), receiver=User("zed-1"))),
)

SIZES = st.integers(0, 40)
IN_ORDER = st.lists(st.tuples(st.integers(1, 60).map(text), SIZES), max_size=8, unique_by=lambda item: item[0].id).map(
    lambda items: sorted(items, key=lambda item: item[0].id)
)
BATCHES = st.lists(st.lists(st.tuples(EVENTS, SIZES), max_size=12) | IN_ORDER, max_size=6)


@settings(max_examples=300, deadline=None)
@given(batches=BATCHES, policy=POLICIES)
def test_many_at_once_do_the_same_as_one_by_one(batches: list[list[tuple[Event, int]]], policy: str) -> None:
    """Publishing many events at once equals publishing each, as far as there is room: the same events, duplicates and counts."""
    outcomes = []
    for at_once in (True, False):
        streams = Streams()
        for event, size in batches[0] if batches else ():
            streams.publish(event, size)
        opened = [
            streams.open(stream_options(types, most, 200, policy, "next"))
            for types, most in (((), 20), ((TextMessage,), 12), ((UnknownEvent, TypingStarted), 100))
        ]
        for batch in batches[1:]:
            rest = batch
            if at_once:
                spare = streams.spare(len(batch), sum(size for _, size in batch))
                assert 0 <= spare <= len(batch)
                now, rest = batch[:spare], batch[spare:]
                streams.publish_all([event for event, _ in now], [size for _, size in now])
                assert not streams.full or not now
            for event, size in rest:
                streams.publish(event, size)
        counts = (streams.received, streams.duplicates, streams.last_id, streams.dropped, streams.full)
        outcomes.append((counts, streams.stream_statistics(), [list(stream.entries) for stream in opened]))
    assert outcomes[0] == outcomes[1]


async def test_many_at_once_wake_as_many_readers(autojump_clock: MockClock) -> None:
    """Many events at once wake no more readers than there are events; a stream that has ended takes none."""
    streams = Streams()
    got: list[Event] = []

    async def read() -> None:
        got.append(await anext(stream))

    async with stream_of(streams, UnknownEvent) as stream:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(read)
            await settle()
            streams.publish_all([unknown("a"), text(1), unknown("b")], [1, 1, 1])
            await settle()
            assert got == [unknown("a"), unknown("b")]
            assert stream.statistics().events == 0
            streams.publish(unknown("c"), 1)
        streams.close()
        streams.publish_all([unknown("d")], [1])
        assert stream.statistics().events == 0


async def test_the_window_of_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message is known as long as fewer other ids than the window came after it, and the memory is bounded."""
    monkeypatch.setattr("cometconn._streams.known_messages._WINDOW", 10)
    for at_once in (True, False):
        streams = Streams()

        def publish(number: int, streams: Streams = streams, at_once: bool = at_once) -> None:
            if at_once:
                streams.publish_all([text(number)], [1])
            else:
                streams.publish(text(number), 1)

        for number in range(100):
            publish(number)
            duplicates = streams.duplicates
            publish(max(0, number - 4))  # nine others came since: four new ones, the four before it again, and 0
            assert streams.duplicates == duplicates + 1
            publish(0)  # it comes often enough never to be forgotten
            assert streams.duplicates == duplicates + 2
            assert len(streams._known._seen) <= 20
        duplicates = streams.duplicates
        publish(50)
        assert streams.duplicates == duplicates
        streams.forget()
        publish(99)
        assert streams.duplicates == duplicates
        for number in range(200, 300):
            streams.note_sent(number)
            assert len(streams._known._seen) <= 20
        publish(299)
        assert streams.duplicates == duplicates + 1
        assert streams.last_id == 99


async def test_room_to_spare_leaves_every_stream_below_its_bounds() -> None:
    """The room for events and bytes is that of the fullest stream, or of the unclaimed events."""
    streams = Streams()
    assert streams.spare(5000, 1) == 1024
    assert streams.spare(5, 4 * 2**20 + 1) == 0
    async with stream_of(streams, max_events=9, max_bytes=1000), stream_of(streams, max_events=3, max_bytes=100):
        assert streams.spare(1, 1) == 1
        assert streams.spare(5, 99) == 2
        assert streams.spare(5, 100) == 0
        for left in (1, 0, 0):
            streams.publish(unknown("a"), 1)
            assert streams.spare(5, 1) == left


async def test_a_waiting_reader_keeps_nothing_of_the_events_before(autojump_clock: MockClock) -> None:
    """An idle connection has no queue and keeps nothing of an earlier burst; the next event makes a new queue."""
    streams = Streams()
    async with stream_of(streams, max_events=100) as stream, trio.open_nursery() as nursery:
        empty = stream._queue.entries
        streams.publish_all([text(number) for number in range(1, 90)], [1] * 89)
        assert stream.statistics().size == 89
        for _ in range(89):
            await anext(stream)
        with trio.move_on_after(1):
            await anext(stream)
        queue = stream._queue
        assert (queue.entries is empty, queue.in_hand[1], queue.size) == (True, 0, 0)
        nursery.start_soon(anext, stream)
        await settle()
        streams.publish(unknown("a"), 5)
        streams.publish(unknown("b"), 6)
        await settle()
        assert (stream.statistics().events, stream.statistics().size) == (1, 6)
        assert stream.statistics().unacknowledged == 1
