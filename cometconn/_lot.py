"""Where tasks wait for news."""

from __future__ import annotations

import attrs
import trio

__all__ = ["Lot", "at_any_time"]


def at_any_time(_: object) -> trio.lowlevel.Abort:
    """Let a task that waits for nothing be cancelled.

    `wait_task_rescheduled(at_any_time)` is `trio.sleep_forever()` without its frame and its function: 0.7 KB of an
    idle connection, where two tasks do that.
    """
    return trio.lowlevel.Abort.SUCCEEDED


@attrs.define(eq=False)
class _Parked:
    """A task that waits in a lot, and what takes it out again should it be cancelled: half of what a `partial` takes."""

    task: trio.lowlevel.Task
    _lot: Lot

    def __call__(self, _: object) -> trio.lowlevel.Abort:
        self._lot.leave(self)
        return trio.lowlevel.Abort.SUCCEEDED


@attrs.define(eq=False)
class Lot:
    """A `trio.lowlevel.ParkingLot` for one task or a few, with the same methods.

    An idle connection has seven of them, three with a task in it; Trio's keeps an ordered dictionary and takes five
    times the memory.
    """

    _parked: tuple[_Parked, ...] = attrs.field(default=(), init=False, repr=False)

    @trio.lowlevel.enable_ki_protection
    async def park(self) -> None:
        """Wait until somebody wakes this task. A checkpoint; if cancelled, nobody will."""
        parked = _Parked(trio.lowlevel.current_task(), self)
        self._parked += (parked,)
        await trio.lowlevel.wait_task_rescheduled(parked)

    @trio.lowlevel.enable_ki_protection
    def unpark(self) -> None:
        """Wake the task that has waited longest, if there is one."""
        if self._parked:
            first, *others = self._parked
            self._parked = tuple(others)
            trio.lowlevel.reschedule(first.task)

    @trio.lowlevel.enable_ki_protection
    def unpark_all(self) -> None:
        """Wake every task that waits."""
        woken, self._parked = self._parked, ()
        for parked in woken:
            trio.lowlevel.reschedule(parked.task)

    def leave(self, parked: _Parked) -> None:
        """Forget *parked*, which was cancelled."""
        self._parked = tuple(other for other in self._parked if other is not parked)
