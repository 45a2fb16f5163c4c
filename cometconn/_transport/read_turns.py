"""Turns for long reads, so that a few clients of a Trio run at a time hold much of what came.

A burst makes all clients of a process readable in the same pass of Trio's scheduler. If each of them reads 64 KiB in that
pass, all of it is in memory at the same time, as bytes and as events, until the next pass, in which the application takes
the events. What Python frees then is in pieces between what stays, so the process keeps most of it. 100 clients that were
idle after 1,000 messages to each took 245 KiB each without turns, 145 with 16 at a time, 110 with 8, 91 with 4, and 84 with
2, where trio-websocket takes 27. Before the burst they took 40. With fewer turns there are more passes, each of which takes
time: 300 clients that got 20 messages each took 8 passes without turns, 83 with 4, and 158 with 2.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio

__all__ = ["wait_read_turn"]

_AT_ONCE: Final = 4  # turns in one pass of the scheduler


@attrs.define(eq=False)
class _ReadTurns:
    """The tasks of one run that wait for their turn, which come in their order.

    A turn is one step of a task, up to its next wait: nothing is held, and so nothing must be given back. The last one of
    those that were woken for a pass wakes the ones for the next pass. A task that was woken is not cancelled before its
    step, so that the wake-ups do not end.
    """

    _woken: int = attrs.field(default=0, init=False)  # tasks that still have their turn in this pass
    _waiting: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)  # maybe thousands
    _latest: int = attrs.field(default=0, init=False)  # the identity of the task that had the latest turn

    @trio.lowlevel.enable_ki_protection
    async def wait(self) -> None:
        """Wait for a turn: until a later pass, unless the task had the latest turn, too. If cancelled, it has none."""
        task = id(trio.lowlevel.current_task())
        if self._woken:
            await self._waiting.park()
            self._wake_next()
        elif task != self._latest:
            self._woken = 1
            try:
                await trio.lowlevel.checkpoint()
            finally:
                self._wake_next()
        self._latest = task

    def _wake_next(self) -> None:
        self._woken -= 1
        if not self._woken:
            self._woken = len(self._waiting.unpark(count=_AT_ONCE))


_turns: Final = trio.lowlevel.RunVar[_ReadTurns]("cometconn read turns")


async def wait_read_turn() -> None:
    """Wait for a turn to read much, behind the tasks of this Trio run that wait for one already.

    A task that had the latest turn, too, has the next one without a checkpoint, because a pass for each read would take a
    single busy client a twentieth of its time. A turn lasts until the task waits for something again. If cancelled, the
    task has no turn, and the others go on. The wait takes as long as the turns before this one: about a millisecond for
    each read that is full of text messages.
    """
    try:
        turns = _turns.get()
    except LookupError:
        _turns.set(turns := _ReadTurns())
    await turns.wait()
