"""A queue read by tasks that are not Trio's: through a face for asyncio, made as the module describes."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from cometconn import EventStream
from cometconn._streams.event_queue import NO_ENTRY, EventQueue
from cometconn._streams.statuses import StatusFeed, StatusQueue, StatusStream
from cometconn._streams.stream_arguments import stream_options
from cometconn._streams.streams import Streams
from cometconn.errors import SlowConsumerError
from cometconn.events import Event, TextMessage, UnknownEvent, User
from cometconn.status import Connecting, Disconnected, Reason

if TYPE_CHECKING:
    from cometconn._lot import Lot


def text(number: int) -> TextMessage:
    """A message with this id."""
    return TextMessage(id=number, sender=User("amy-2"), receiver=User("zed-1"), category="message")


async def parked(lot: Lot) -> None:
    """Wait in this lot as an asyncio task does."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    lot.add(wake)
    try:
        await future
    except asyncio.CancelledError:
        lot.withdraw(wake)
        raise


@attrs.define(eq=False)
class AsyncioStream:
    """The face that programs under asyncio read from."""

    queue: EventQueue
    commit: Any

    async def next(self) -> TextMessage:
        """Return the next event."""
        queue, task = self.queue, asyncio.current_task()
        if queue.fast and queue.entries and task is queue.reader:
            queue.size -= queue.in_hand[1]
            queue.fast -= 1
            queue.in_hand = queue.entries.popleft()
            event = queue.in_hand[0]
        else:
            queue.acknowledge_before(task)
            await self._wait()
            event = queue.hand_out(task)
        assert isinstance(event, TextMessage)
        return event

    async def batch(self) -> list[Event]:
        """Return all events that wait."""
        self.queue.acknowledge_before(asyncio.current_task())
        await self._wait()
        return self.queue.hand_out_all(asyncio.current_task())

    async def _wait(self) -> None:
        if not self.queue.must_wait and self.queue.turn_is_due:
            await asyncio.sleep(0)
            self.queue.turn_was_given()
        while not self.queue.can_hand_out():
            await parked(self.queue.arrived)
            self.queue.turn_was_given()


def subscribed(streams: Streams, acknowledge: str = "next", overflow: str = "pause", most: int = 1024) -> Any:
    """What a program under asyncio enters."""
    return streams.subscribe(stream_options((), most, 10**6, overflow, acknowledge), AsyncioStream, asyncio.sleep)


@pytest.mark.parametrize("acknowledge", ["next", "call", "never"])
def test_readers_that_give_up_at_any_time_lose_nothing(acknowledge: str) -> None:
    """Three asyncio tasks read with random cancels: each event goes to one of them, in order, and none waits for ever."""
    streams, got, cancels, count = Streams(), list[int](), list[int](), 600
    seeded = random.Random(16)

    async def read(stream: AsyncioStream) -> None:
        while True:
            try:
                event = await stream.next()
            except asyncio.CancelledError:
                cancels.append(len(got))
            except StopAsyncIteration:
                return
            else:
                got.append(event.id)
                if acknowledge == "call":
                    stream.queue.acknowledge(event)

    async def main() -> None:
        async with subscribed(streams, acknowledge) as stream:
            readers = [asyncio.ensure_future(read(stream)) for _ in range(3)]
            for number in range(1, count + 1):
                streams.publish(text(number), 1)
                for _ in range(seeded.randrange(4)):
                    if seeded.random() < 0.4:
                        seeded.choice(readers).cancel()
                    await asyncio.sleep(0)
            async with asyncio.timeout(20):
                while len(got) < count:
                    await asyncio.sleep(0)
                streams.close()
                await asyncio.gather(*readers)
            assert stream.queue.statistics().handed_out == count

    asyncio.run(main())
    assert got == list(range(1, count + 1))
    assert len(cancels) > 100
    if acknowledge != "never":
        assert streams.position == count


def test_a_wake_up_of_a_cancelled_reader_goes_to_the_next_one() -> None:
    """A task cancelled between its wake-up and its next step takes nothing, and the reader behind it gets the event."""
    streams = Streams()

    async def main() -> None:
        async with subscribed(streams) as stream:
            first, second = (asyncio.ensure_future(stream.next()) for _ in range(2))
            await asyncio.sleep(0)
            streams.publish(text(1), 1)
            first.cancel()
            async with asyncio.timeout(20):
                assert (await second).id == 1
            assert first.cancelled()

    asyncio.run(main())


def test_the_loop_gets_a_turn_every_64_events() -> None:
    """A reader of a long burst lets other tasks run, and a reader cancelled in such a turn has taken nothing."""
    streams, turns = Streams(), list[int]()

    async def main() -> None:
        async with subscribed(streams) as stream:
            for number in range(1, 301):
                streams.publish(text(number), 1)
            got = list[int]()

            async def read() -> None:
                while True:
                    got.append((await stream.next()).id)

            reader = asyncio.ensure_future(read())
            for _ in range(3):
                await asyncio.sleep(0)
                turns.append(len(got))
            assert turns == [64, 128, 192]
            reader.cancel()
            await asyncio.wait([reader])
            assert [event.id for event in await stream.batch()] == list(range(len(got) + 1, 301))

    asyncio.run(main())


def test_the_ends_of_a_stream_reach_readers_that_wait() -> None:
    """Each of several asyncio tasks is woken when the stream has failed, and when the client was left."""

    async def main(overflow: str) -> list[Any]:
        streams = Streams()
        async with subscribed(streams, "call", overflow, most=1) as stream:
            streams.publish(text(1), 1)
            await stream.next()
            readers = [asyncio.ensure_future(stream.batch()) for _ in range(3)]
            await asyncio.sleep(0)
            streams.publish(text(2), 1)
            if overflow == "pause":
                streams.close()
            return await asyncio.wait_for(asyncio.gather(*readers, return_exceptions=True), 20)

    assert [type(outcome) for outcome in asyncio.run(main("fail"))] == [SlowConsumerError] * 3
    first, *others = asyncio.run(main("pause"))
    assert first == [text(2)]
    assert [type(outcome) for outcome in others] == [StopAsyncIteration] * 2


async def test_a_trio_task_and_a_waker_share_a_queue() -> None:
    """They are woken in the order in which they came, one for each event."""
    streams, got = Streams(), list[Any]()
    options = stream_options((), 10, 10**6, "pause", "next")
    async with streams.subscribe(options, EventStream, trio.lowlevel.checkpoint) as stream:
        queue = streams._streams[0]
        assert queue.in_hand is NO_ENTRY

        async def read() -> None:
            got.append(await anext(stream))

        def woken() -> None:
            got.append(("woken", queue.hand_out("another library")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            queue.arrived.add(woken)
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            for name in "abc":
                streams.publish(UnknownEvent(name, {}), 1)
                await trio.testing.wait_all_tasks_blocked()
    a, b, c = (UnknownEvent(name, {}) for name in "abc")
    assert got == [a, ("woken", b), c]


def test_statuses_reach_asyncio_tasks() -> None:
    """A status queue is read in the same way: in order, nothing lost by a cancel, and an end for each reader."""
    feed = StatusFeed()
    off, on = Disconnected(at=0, reason=Reason.NOT_LOGGED_IN), Connecting(at=0, attempt=1)

    async def read(queue: StatusQueue) -> Any:
        while not queue.can_hand_out():
            await parked(queue.arrived)
        return queue.hand_out().current

    async def main() -> None:
        with feed.subscribe(off) as queue:
            assert await read(queue) == off
            first, second, third = (asyncio.ensure_future(read(queue)) for _ in range(3))
            await asyncio.sleep(0)
            feed.publish(off, on)
            first.cancel()
            assert await asyncio.wait_for(second, 20) == on
            feed.close()
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(third, 20)

    asyncio.run(main())


def test_a_stream_shows_only_what_programs_call() -> None:
    """`dir()` of a stream lists its public calls; what fills it belongs to the queue behind it."""
    shown = {kind: [name for name in dir(kind) if not name.startswith("_")] for kind in (EventStream, StatusStream)}
    assert shown == {EventStream: ["acknowledge", "batch", "commit", "gaps", "statistics"], StatusStream: []}
