"""Trio as a guest of an asyncio loop, for as long as a client of that loop is open."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

import trio

from ._interrupts import InterruptGuard
from ._loop_clock import LoopClock
from ._signal import Signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import outcome

__all__ = ["Guest", "Resident", "current_task", "join"]

_LOG = logging.getLogger("cometconn")


class Resident(Protocol):
    """What keeps a guest running: the block of an open client."""

    @property
    def owner(self) -> asyncio.Task[object]:
        """The asyncio task that has entered the block."""

    def close(self) -> bool:
        """End the block. Return `False` if it is being left already."""

    def crash(self, error: BaseException) -> None:
        """Note that the guest has ended with *error*, and the block with it."""


class _OfThread(threading.local):
    guest: Guest | None = None


_OF_THREAD = _OfThread()  # Trio can run once in each thread


def current_task() -> asyncio.Task[object]:
    """Return the calling task, which must be one of asyncio's."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        message = (
            "cometconn.aio needs a running asyncio loop: open the client in a task, as in asyncio.run(main()). "
            "Under Trio, use cometconn.open_client()."
        )
        raise RuntimeError(message)
    return task


async def join(resident: Resident) -> Guest:
    """Return the guest of the running loop, and let *resident* keep it; start it for the first one.

    Raises:
        RuntimeError: Trio cannot be the guest of this loop.
    """
    loop = asyncio.get_running_loop()
    while True:
        guest = _OF_THREAD.guest
        if guest is None or guest.over.happened:
            guest = _OF_THREAD.guest = Guest(loop)
        elif guest.loop is not loop:
            message = (
                "A client of another asyncio loop is still open in this thread, and Trio can be the guest of only one "
                "loop in a thread: leave that client before its loop ends, as asyncio.run() does."
            )
            raise RuntimeError(message)
        if not guest.is_ending:
            guest.add(resident)
            return guest
        if (cancelled := await guest.over.wait(lambda: None)) is not None:
            raise cancelled


class Guest:
    """One Trio run in the thread of an asyncio loop. Its last resident ends it.

    Attributes:
        loop: the loop.
        over: set when the run has ended, and the task that has kept the loop running.
        is_ending: the last resident has left, or Trio has crashed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.over: Signal = Signal(loop)
        self._ended = Signal(loop)  # the Trio run
        self.is_ending: bool = False
        self._loop_ends = False
        self._residents: list[Resident] = []
        self._starting: deque[tuple[contextvars.Context, Callable[[], Awaitable[None]], str]] = deque()
        self._nursery: trio.Nursery | None = None
        self._last_left = trio.Event()
        self._interrupts = InterruptGuard(loop)
        self._interrupts.set()  # before Trio looks for Python's handler
        try:
            trio.lowlevel.start_guest_run(
                self._main,
                run_sync_soon_threadsafe=self._call_soon_threadsafe,
                run_sync_soon_not_threadsafe=loop.call_soon,
                done_callback=self._done,
                host_uses_signal_set_wakeup_fd=True,
                clock=LoopClock(loop),
            )
        except RuntimeError as error:
            self._interrupts.reset()
            message = (
                "cometconn.aio cannot start Trio as a guest of this asyncio loop, because Trio runs in this thread "
                "already. Under Trio, use cometconn.open_client()."
            )
            raise RuntimeError(message) from error
        # It is in no task group, because no single task lives as long as the guest. The loop waits for it: see `_keep()`.
        self._keeper = loop.create_task(self._keep(), name="cometconn.guest", context=contextvars.Context())
        self._keeper.add_done_callback(self._look_whether_over)

    def _call_soon_threadsafe(self, call: Callable[[], object]) -> None:
        try:
            self.loop.call_soon_threadsafe(call)
        except RuntimeError:
            if not self.loop.is_closed():
                raise

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._start_next()
            await self._last_left.wait()
            nursery.cancel_scope.cancel(reason="cometconn: the last client was left")

    def _done(self, result: outcome.Outcome[None]) -> None:
        self._interrupts.reset()
        if self._residents:
            try:
                result.unwrap()
                error: BaseException = RuntimeError("Trio has ended although a client was open.")
            except BaseException as crash:  # noqa: BLE001 - the tasks that own clients get it
                error = crash
            self.is_ending = True
            for resident in self._residents:
                resident.crash(error)
        self._ended.set()
        self._look_whether_over()

    def _look_whether_over(self, _: object = None) -> None:
        if self._ended.happened and self._keeper.done():
            if _OF_THREAD.guest is self:
                _OF_THREAD.guest = None
            self.over.set()

    # Residents.

    def add(self, resident: Resident) -> None:
        """Run until *resident* leaves."""
        self._residents.append(resident)
        if self._loop_ends:
            resident.owner.add_done_callback(self._close_forgotten)

    def remove(self, resident: Resident) -> None:
        """Let *resident* leave. The last one ends the run."""
        self._residents.remove(resident)
        if not self._residents:
            self.is_ending = True
            self._last_left.set()

    # Tasks.

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> None:
        """Start *run* as a task of Trio's, in a copy of the caller's context.

        Tasks begin in the order of these calls, each when the one before has first waited or has ended. Trio itself
        begins those that it finds together in random order.
        """
        self._starting.append((contextvars.copy_context(), run, name))
        if len(self._starting) == 1:
            self._start_next()

    def _start_next(self) -> None:
        if self._starting and self._nursery is not None:
            context, run, name = self._starting[0]
            context.run(partial(self._nursery.start_soon, self._begin, run, name=name))

    async def _begin(self, run: Callable[[], Awaitable[None]]) -> None:
        self._starting.popleft()
        self._start_next()  # begins in Trio's next pass, when this task has waited
        await run()

    # The end of the loop.

    async def _keep(self) -> None:
        """Keep the loop running until the guest has ended, also when `asyncio.run()` cancels all tasks at its end."""
        cancelled = await self._ended.wait(self._loop_is_ending)
        if cancelled is not None:
            raise cancelled

    def _loop_is_ending(self) -> None:
        """Let the tasks that own clients leave them, and close each client whose owner ends without that."""
        if not self._loop_ends:
            self._loop_ends = True
            for resident in self._residents:
                resident.owner.add_done_callback(self._close_forgotten)

    def _close_forgotten(self, owner: asyncio.Task[object]) -> None:
        for resident in self._residents:
            if resident.owner is owner and resident.close():
                _LOG.warning("A client was closed at the end of the asyncio loop: its block was never left.")
