"""A parking lot for a few."""

from __future__ import annotations

import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from cometconn._lot import Lot, at_any_time


async def test_who_waited_longest_goes_first() -> None:
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


async def test_nobody_is_there() -> None:
    """Waking nobody is nothing, and is not kept for whoever comes next."""
    lot = Lot()
    lot.unpark()
    lot.unpark_all()
    with trio.move_on_after(0) as scope:
        await lot.park()
    assert scope.cancelled_caught


async def test_who_is_cancelled_is_forgotten() -> None:
    """The others keep their places."""
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


async def test_it_is_a_checkpoint() -> None:
    """Also when it is woken at once."""
    lot = Lot()
    async with trio.open_nursery() as nursery:

        async def wake() -> None:
            await wait_all_tasks_blocked()
            lot.unpark_all()

        nursery.start_soon(wake)
        with assert_checkpoints():
            await lot.park()


async def test_a_sleep_for_ever_can_be_cancelled() -> None:
    """At once."""
    with trio.fail_after(1), trio.CancelScope() as scope:
        scope.cancel()
        await trio.lowlevel.wait_task_rescheduled(at_any_time)
    assert scope.cancelled_caught
