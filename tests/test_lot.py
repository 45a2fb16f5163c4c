"""A parking lot that takes little memory."""

from __future__ import annotations

import functools

import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from cometconn._lot import Lot, sleep_forever


async def test_the_task_that_has_waited_longest_is_woken_first() -> None:
    """unpark() wakes one task, in the order in which they came; unpark_all() the rest, in the same order."""
    lot, woken = Lot(), list[int]()

    async def wait(number: int) -> None:
        await lot.park()
        woken.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(wait, number)
            await wait_all_tasks_blocked()
        lot.unpark()
        await wait_all_tasks_blocked()
        assert woken == [0]
        lot.unpark_all()
    assert sorted(woken) == [0, 1, 2, 3]


async def test_unparking_an_empty_lot_does_nothing() -> None:
    """A wake-up of an empty lot is not kept for the next task that parks."""
    lot = Lot()
    lot.unpark()
    lot.unpark_all()
    with trio.move_on_after(0) as scope:
        await lot.park()
    assert scope.cancelled_caught


async def test_a_cancelled_task_leaves_the_lot() -> None:
    """After a cancel the other tasks keep their order."""
    lot, woken = Lot(), list[str]()

    async def wait(name: str, scope: trio.CancelScope) -> None:
        with scope:
            await lot.park()
            woken.append(name)

    async with trio.open_nursery() as nursery:
        scopes = {name: trio.CancelScope() for name in ("first", "second")}
        for name, scope in scopes.items():
            nursery.start_soon(wait, name, scope)
            await wait_all_tasks_blocked()
        scopes["first"].cancel()
        await wait_all_tasks_blocked()
        lot.unpark()
    assert woken == ["second"]


async def test_parking_is_a_checkpoint() -> None:
    """Parking is a checkpoint, also when the task is woken at once."""
    lot = Lot()
    async with trio.open_nursery() as nursery:

        async def wake() -> None:
            await wait_all_tasks_blocked()
            lot.unpark_all()

        nursery.start_soon(wake)
        with assert_checkpoints():
            await lot.park()


async def test_tasks_and_wakers_wait_in_one_queue() -> None:
    """A waker is called once, in its turn among the tasks."""
    lot, woken = Lot(), list[str]()

    async def wait() -> None:
        await lot.park()
        woken.append("task")

    async with trio.open_nursery() as nursery:
        lot.add(lambda: woken.append("first"))
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        lot.add(lambda: woken.append("last"))
        for expected in (["first"], ["first", "task"], ["first", "task", "last"]):
            lot.unpark()
            await wait_all_tasks_blocked()
            assert woken == expected
        lot.add(lambda: woken.append("again"))
        lot.unpark_all()
        lot.unpark_all()
    assert woken[3:] == ["again"]


async def test_a_waker_that_is_withdrawn() -> None:
    """A waker withdrawn in time is not called; one that was called already passes its wake-up on to the next."""
    lot, woken = Lot(), list[str]()
    wakers = {name: functools.partial(woken.append, name) for name in "abc"}
    for waker in wakers.values():
        lot.add(waker)
    lot.withdraw(wakers["b"])
    assert woken == []
    lot.unpark()
    assert woken == ["a"]
    lot.withdraw(wakers["a"])
    assert woken == ["a", "c"]
    lot.withdraw(wakers["c"])
    assert woken == ["a", "c"]


async def test_sleeping_ends_with_a_cancel_only(autojump_clock: MockClock) -> None:
    """sleep_forever() is a checkpoint that returns never and can be cancelled."""
    with trio.move_on_after(1e6) as scope:
        await sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() >= 1e6
