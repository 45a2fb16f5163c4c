"""Where tasks wait for news."""

from __future__ import annotations

import functools

import attrs
import trio

__all__ = ["Lot"]


@attrs.define(eq=False)
class Lot:
    """A `trio.lowlevel.ParkingLot` for one task or a few, with the same methods.

    An idle connection has seven of them, three with a task in it; Trio's keeps an ordered dictionary and takes five
    times the memory.
    """

    _parked: tuple[trio.lowlevel.Task, ...] = attrs.field(default=(), init=False, repr=False)

    @trio.lowlevel.enable_ki_protection
    async def park(self) -> None:
        """Wait until somebody wakes this task. A checkpoint; if cancelled, nobody will."""
        task = trio.lowlevel.current_task()
        self._parked += (task,)

        await trio.lowlevel.wait_task_rescheduled(functools.partial(self._leave, task))

    @trio.lowlevel.enable_ki_protection
    def unpark(self) -> None:
        """Wake the task that has waited longest, if there is one."""
        if self._parked:
            first, *others = self._parked
            self._parked = tuple(others)
            trio.lowlevel.reschedule(first)

    @trio.lowlevel.enable_ki_protection
    def unpark_all(self) -> None:
        """Wake every task that waits."""
        parked, self._parked = self._parked, ()
        for task in parked:
            trio.lowlevel.reschedule(task)

    def _leave(self, task: trio.lowlevel.Task, _: object) -> trio.lowlevel.Abort:
        self._parked = tuple(other for other in self._parked if other is not task)
        return trio.lowlevel.Abort.SUCCEEDED
