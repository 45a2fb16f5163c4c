"""How asyncio tasks read the queues that the client fills (see `cometconn._streams.event_queue`), and lists page by page."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._lot import Lot
    from cometconn._rest.pager import Pager
    from cometconn._streams.event_queue import EventQueue
    from cometconn._streams.statuses import StatusQueue
    from cometconn.status import StatusChange

__all__ = ["next_batch", "next_element", "next_event", "next_status"]

T = TypeVar("T")


async def next_event(queue: EventQueue) -> Any:
    """Return the next event, or raise `StopAsyncIteration`. Nothing is taken before this returns.

    Typed as `Any`, because the queue does not know the type of its stream.
    """
    task = asyncio.current_task()
    if queue.fast and queue.entries and task is queue.reader:
        # The fast path: asyncio raises a cancel only where a task waits, so there is nothing to look at.
        queue.size -= queue.in_hand[1]
        queue.fast -= 1
        queue.in_hand = entry = queue.entries.popleft()
        return entry[0]
    queue.acknowledge_before(task)
    await _wait(queue, turn=False)
    return queue.hand_out(task)


async def next_batch(queue: EventQueue) -> list[Any]:
    """Return all events that have arrived, waiting for the first; none at the end."""
    task = asyncio.current_task()
    queue.acknowledge_before(task)
    try:
        await _wait(queue, turn=True)
    except StopAsyncIteration:
        return []
    return queue.hand_out_all(task)


async def next_status(queue: StatusQueue) -> StatusChange:
    """Return the next change, or raise `StopAsyncIteration`."""
    await asyncio.sleep(0)
    while not queue.can_hand_out():
        await _park(queue.arrived)
    return queue.hand_out()


async def next_element(pager: Pager[T], run: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]) -> T:
    """Return the next element of a list, or raise `StopAsyncIteration`. *run* makes the requests, in Trio."""
    await asyncio.sleep(0)
    while (found := pager.take()) is None:
        if pager.needs_page:
            await run(pager.fetch())
        else:
            await asyncio.sleep(0)
    return found


async def _wait(queue: EventQueue, *, turn: bool) -> None:
    """Wait until something can be handed out. With *turn*, other tasks run in any case."""
    if not queue.must_wait and (turn or queue.turn_is_due):
        await asyncio.sleep(0)
        queue.turn_was_given()
    while not queue.can_hand_out():
        await _park(queue.arrived)
        queue.turn_was_given()


async def _park(lot: Lot) -> None:
    """Wait until *lot* wakes this task. If it is cancelled, a wake-up that had come goes to the next reader."""
    future = asyncio.get_running_loop().create_future()
    waker = partial(_wake, future)
    lot.add(waker)
    try:
        await future
    except BaseException:
        lot.withdraw(waker)
        raise


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():  # it is if its task was cancelled and has not run since
        future.set_result(None)
