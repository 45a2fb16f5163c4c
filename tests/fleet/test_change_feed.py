"""The changes of a worker for its subscribers: in order, bounded."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from cometconn.fleet.change_feed import ChangeFeed
from cometconn.fleet.changes import Drained, Missed


async def test_each_subscriber_gets_each_change_in_order() -> None:
    """From its subscription on; the stream ends after what was published."""
    feed = ChangeFeed()
    feed.publish(Drained(at=0.0))
    with feed.subscribe() as one:
        feed.publish(Drained(at=1.0))
        with feed.subscribe() as two:
            feed.publish(Drained(at=2.0))
            feed.close()
            assert [change.at async for change in one] == [1.0, 2.0]
            assert [change.at async for change in two] == [2.0]
    with feed.subscribe() as late:
        assert [change async for change in late] == []


async def test_the_oldest_are_dropped_and_counted() -> None:
    """1,024 wait at most."""
    feed = ChangeFeed()
    with feed.subscribe() as stream:
        for number in range(1030):
            feed.publish(Drained(at=float(number)))
        assert await anext(stream) == Missed(at=6.0, count=6)
        feed.close()
        assert [change.at async for change in stream] == [float(number) for number in range(6, 1030)]


async def test_a_cancelled_wait_loses_nothing() -> None:
    """The next call gets the change."""
    feed = ChangeFeed()
    with feed.subscribe() as stream:
        with trio.move_on_after(0):
            await anext(stream)
        feed.publish(Drained(at=1.0))
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
        assert (await anext(stream)).at == 1.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_two, stream)
            await trio.testing.wait_all_tasks_blocked()
            feed.publish(Drained(at=2.0))


async def wait_for_two(stream: object) -> None:
    """Wait for a change that comes later."""
    with trio.fail_after(5), pytest.raises(StopAsyncIteration):
        assert (await stream.__anext__()).at == 2.0  # type: ignore[attr-defined]
        stream.end()  # type: ignore[attr-defined]
        await stream.__anext__()  # type: ignore[attr-defined]
