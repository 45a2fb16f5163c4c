"""Turns for long reads."""

from __future__ import annotations

import threading

import attrs
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from cometconn._transport.read_turns import wait_read_turn


@attrs.define(eq=False)
class Passes(trio.abc.Instrument):
    """Counts the passes of the scheduler."""

    count: int = 0

    def after_io_wait(self, timeout: float) -> None:
        self.count += 1


async def test_four_turns_in_a_pass_in_the_order_of_waiting() -> None:
    """Many tasks that wait in the same pass get their turns four at a time; a later one comes behind them."""
    trio.lowlevel.add_instrument(passes := Passes())
    turns: list[tuple[int, str]] = []

    async def take(name: str) -> None:
        await wait_read_turn()
        turns.append((passes.count, name))

    async with trio.open_nursery() as nursery:
        for number in range(21):  # one, and five times four
            nursery.start_soon(take, f"early {number}")
        await trio.lowlevel.checkpoint()
        nursery.start_soon(take, "late")
    at = [number for number, _ in turns]
    assert max(map(at.count, at)) == 4
    assert at[-1] - at[0] == 6, "no pass without a turn"
    assert turns[-1][1] == "late"


async def test_alone_a_turn_takes_no_pass() -> None:
    """A task that takes one turn after the other is not held up; two tasks wait a pass for each turn."""
    trio.lowlevel.add_instrument(passes := Passes())
    await wait_read_turn()
    assert passes.count == 1
    for _ in range(5):
        await wait_read_turn()
    assert passes.count == 1

    async def take_five() -> None:
        for _ in range(5):
            with assert_checkpoints():
                await wait_read_turn()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_five)
        nursery.start_soon(take_five)


async def test_a_task_that_is_cancelled_has_no_turn_and_the_others_have_theirs() -> None:
    """The turns go on when tasks are cancelled at the head of the queue, within it, and before they wait."""
    took = []

    async def take(number: int, scope: trio.CancelScope) -> None:
        with scope:
            await wait_read_turn()
            took.append(number)

    scopes = [trio.CancelScope() for _ in range(9)]
    async with trio.open_nursery() as nursery:
        scopes[0].cancel()
        for number, scope in enumerate(scopes):
            await trio.lowlevel.checkpoint()
            nursery.start_soon(take, number, scope)
        for number in (4, 8):
            scopes[number].cancel()
        await wait_all_tasks_blocked()
        assert sorted(took) == [number for number in range(9) if not scopes[number].cancelled_caught]
        assert scopes[0].cancelled_caught
    with trio.fail_after(15):
        await wait_read_turn()


async def test_a_cancel_after_the_wake_up_takes_no_turn_away() -> None:
    """A task that is cancelled when its turn has come still has it, as there is no checkpoint before it."""
    took = []

    async def take(number: int) -> None:
        with scopes[number]:
            await wait_read_turn()
            took.append(number)
            for scope in scopes:  # the first one that has its turn has just woken the two others
                scope.cancel()

    scopes = [trio.CancelScope() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(take, number)
    assert sorted(took) == [0, 1, 2]


async def test_each_run_has_turns_of_its_own() -> None:
    """The turns of a run in another thread do not wait for those of this one."""
    took = []

    async def take() -> None:
        with trio.fail_after(15):
            await wait_read_turn()
            took.append("the other run")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_read_turn)
        await trio.lowlevel.checkpoint()
        other = threading.Thread(target=trio.run, args=(take,))
        other.start()
        other.join()  # this run stands still meanwhile
    assert took == ["the other run"]
