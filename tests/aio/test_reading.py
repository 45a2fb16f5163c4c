"""Streams that asyncio tasks read: nothing is lost, doubled or out of order, however the reads are cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import anyio
import pytest

from cometconn import Reason, aio
from cometconn.errors import ApiError, SlowConsumerError
from cometconn.events import TextMessage

from .harness import Server, connected, run, turns


def push(server: Server, *numbers: int) -> None:
    """Let amy-2 send so many messages, whose texts are the numbers."""
    for number in numbers:
        server.say(str(number))


def number_of(event: Any) -> int:
    """The number in a message."""
    assert isinstance(event, TextMessage)
    return int(event.text)


def test_a_burst_comes_in_order(server: Server) -> None:
    """Hundreds of events, and batches of what has arrived."""

    async def main() -> None:
        async with connected(server) as chat, chat.events() as one, chat.events() as batches:
            push(server, *range(300))
            assert [number_of(await anext(one)) for _ in range(300)] == list(range(300))
            got: list[int] = []
            while len(got) < 300:
                got += [number_of(event) for event in await batches.batch()]
            assert got == list(range(300))

    run(main)


def test_the_loop_gets_a_turn_every_64_events(server: Server) -> None:
    """A reader of a burst does not keep other tasks from running, and a cancel reaches it."""

    async def main() -> None:
        async with connected(server) as chat, chat.events() as events:
            push(server, *range(200))
            while events.statistics().events < 200:
                await asyncio.sleep(0.01)
            others = [0]

            async def count() -> None:
                while True:
                    others[0] += 1
                    await asyncio.sleep(0)

            counting = asyncio.create_task(count())
            for _ in range(200):
                await anext(events)
            assert 3 <= others[0] <= 10
            counting.cancel()

            push(server, *range(200))
            while events.statistics().events < 200:
                await asyncio.sleep(0.01)
            read: list[int] = []

            async def read_all() -> None:
                async for event in events:
                    read.append(number_of(event))

            task = asyncio.create_task(read_all())
            asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(task.cancel))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert 0 < len(read) < 200
            assert number_of(await anext(events)) == len(read)

    run(main)


async def _timeout(events: aio.EventStream, seconds: float) -> Any:
    async with asyncio.timeout(seconds):
        return await anext(events)


async def _wait_for(events: aio.EventStream, seconds: float) -> Any:
    return await asyncio.wait_for(anext(events), seconds)


async def _anyio(events: aio.EventStream, seconds: float) -> Any:
    with anyio.fail_after(seconds):
        return await anext(events)


@pytest.mark.parametrize("read", [_timeout, _wait_for, _anyio])
def test_reads_that_time_out_take_nothing(server: Server, read: Any) -> None:
    """Timeouts of every kind, at random moments, while messages arrive."""
    total = 150

    async def main() -> None:
        choose = random.Random(16)
        async with connected(server) as chat, chat.events(acknowledge="never") as events:

            async def send() -> None:
                for number in range(total):
                    push(server, number)
                    await asyncio.sleep(choose.random() * 0.004)

            sending = asyncio.create_task(send())
            got: list[int] = []
            timeouts = 0
            while len(got) < total:
                try:
                    got.append(number_of(await read(events, choose.random() * 0.003)))
                except TimeoutError:
                    timeouts += 1
            await sending
            assert got == list(range(total))
            assert timeouts

    run(main)


def test_raw_cancels_of_three_readers(server: Server) -> None:
    """Each event goes to one reader; a wake-up that meets a cancel goes to the next one, so that none sleeps."""
    total = 300

    async def main() -> None:
        choose = random.Random(16)
        async with connected(server) as chat, chat.events() as events:
            got: list[int] = []
            cancels = 0

            async def read() -> None:
                async for event in events:
                    got.append(number_of(event))

            readers = [asyncio.create_task(read()) for _ in range(3)]
            sent = 0
            while len(got) < total:
                if sent < total:
                    push(server, sent)
                    sent += 1
                await turns(choose.randrange(6))
                place = choose.randrange(3)
                if choose.random() < 0.7:
                    readers[place].cancel()
                    await asyncio.wait([readers[place]])
                    readers[place] = asyncio.create_task(read())
                    cancels += 1
            assert sorted(got) == list(range(total))
            assert cancels > 100
            for reader in readers:
                reader.cancel()
            await asyncio.wait(readers)

    run(main)


def test_a_wake_up_that_meets_a_cancel_is_passed_on(server: Server) -> None:
    """The first of two readers is cancelled after it was woken and before it ran: the second one reads the event."""

    async def main() -> None:
        async with connected(server) as chat, chat.events() as events:
            first, second = (asyncio.create_task(events.__anext__()) for _ in range(2))
            await turns()
            queue = events._queue
            original = queue.arrived.unpark

            def unpark_and_cancel() -> None:
                original()
                first.cancel()

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    type(queue.arrived), "unpark", lambda lot: unpark_and_cancel() if lot is queue.arrived else None
                )
                while not first.done():
                    if not first.cancelling():
                        push(server, 1)
                    await asyncio.sleep(0.01)
                    patch.undo()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert number_of(await second) == 1

    run(main)


def test_a_task_acknowledges_what_it_has_read(server: Server) -> None:
    """With `acknowledge="next"`, the position moves when the same asyncio task calls again, and not when another does."""

    async def main() -> None:
        async with connected(server) as chat, chat.events() as events:
            push(server, 0, 1, 2)
            first = await anext(events)
            assert isinstance(first, TextMessage)
            await asyncio.create_task(events.__anext__())
            assert (chat.position or 0) < first.id
            await anext(events)
            assert chat.position == first.id

    run(main)


def test_an_exception_gives_back_what_was_not_handled(server: Server) -> None:
    """Leaving the block with an exception, as with a cancel, lets the message come again; `break` does not."""

    async def main() -> None:
        async with connected(server) as chat:
            push(server, 0, 1)
            with pytest.raises(LookupError):
                async with chat.events() as events:
                    assert number_of(await anext(events)) == 0
                    raise LookupError
            async with chat.events() as events:
                async for event in events:
                    assert number_of(event) == 0
                    break
            async with chat.events() as events:
                assert number_of(await anext(events)) == 1

    run(main)


def test_the_end_of_a_stream(server: Server) -> None:
    """What has arrived can be read after the client was left, with no Trio run; then the iteration ends."""

    async def main() -> None:
        async with connected(server) as chat:
            event_block, status_block = chat.events(), chat.statuses()
            events, statuses = await event_block.__aenter__(), await status_block.__aenter__()
            push(server, *range(70))
            while events.statistics().events < 70:
                await asyncio.sleep(0.01)
            waiting = asyncio.create_task(_read_to_the_end(statuses))
        assert [number_of(event) async for event in events] == list(range(70))
        assert await events.batch() == []
        assert (await waiting)[-1].current.reason is Reason.CLIENT_CLOSED
        await event_block.__aexit__(None, None, None)
        await status_block.__aexit__(None, None, None)

    run(main)


async def _read_to_the_end(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_a_reader_that_is_too_slow(server: Server) -> None:
    """With `overflow="fail"` the stream yields what it holds, and then raises."""

    async def main() -> None:
        async with connected(server) as chat, chat.events(max_events=2, overflow="fail") as events:
            push(server, 0, 1, 2, 3)
            await chat.ping()
            assert number_of(await anext(events)) == 0
            assert number_of(await anext(events)) == 1
            with pytest.raises(SlowConsumerError):
                await anext(events)

    run(main)


def test_acknowledged_and_committed(server: Server, tmp_path: Any) -> None:
    """`acknowledge()` at the call, and `commit()` saves."""

    async def main() -> None:
        async with connected(server, store=tmp_path / "s.json") as chat, chat.events(acknowledge="call") as events:
            push(server, 0)
            event = await anext(events)
            assert isinstance(event, TextMessage)
            events.acknowledge(event)
            assert chat.position == event.id
            await events.commit()
            assert any(str(event.id) in path.read_text() for path in tmp_path.iterdir() if path.suffix != ".lock")

    run(main)


def test_lists_are_read_page_by_page(server: Server) -> None:
    """A history comes whole and in order over real HTTP, however the reads are cancelled; the other calls work as well."""

    async def main() -> None:
        async with connected(server) as chat:
            server.do("say", "amy-2", "0", receiver="zed-1")
            first = (await anext(chat.messages.history())).id
            push(server, *range(1, 130))
            history, got = chat.messages.history(user="amy-2", after=first - 1), list[int]()
            pause = random.Random(7)
            while len(got) < 130:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause.choice((0, 0.001, 0.01, 30))):
                        got.append(number_of(await anext(history)))
            assert got == list(range(130))
            with pytest.raises(StopAsyncIteration):
                await anext(history)
            assert (await chat.messages.get(first)).id == first
            assert [user.uid async for user in chat.users.list()] == ["amy-2"]
            assert (await chat.groups.get("hikers")).has_joined
            assert {member.user.uid async for member in chat.groups.members("hikers")} == {"zed-1", "amy-2"}
            await chat.conversations.mark_as_read(user="amy-2")
            assert (await chat.conversations.unread_counts()).total == 0
            with pytest.raises(ApiError, match="ERR_GUID_NOT_FOUND"):
                await chat.groups.join("nowhere")

    run(main)


def test_two_tasks_do_not_share_a_page(server: Server) -> None:
    """The second task is refused, and the first gets every element."""

    async def main() -> None:
        async with connected(server) as chat:
            push(server, 1)
            history = chat.messages.history(limit=1)
            one, two = await asyncio.gather(anext(history), anext(history), return_exceptions=True)
            assert number_of(one) == 1
            assert isinstance(two, RuntimeError)

    run(main)
