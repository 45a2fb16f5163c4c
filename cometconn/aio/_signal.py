"""A signal for which asyncio tasks go on waiting when they are cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Signal"]


class Signal:
    """Happens once, in Trio. A task that is cancelled goes on waiting for it, because Trio must clean up first.

    Attributes:
        loop: the asyncio loop of the tasks that wait.
        happened: whether it has happened.
    """

    __slots__ = ("_waiting", "happened", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.happened: bool = False
        self._waiting: tuple[asyncio.Future[None], ...] = ()

    def set(self) -> None:
        """Let it happen: wake every task that waits. Idempotent."""
        self.happened = True
        waiting, self._waiting = self._waiting, ()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, on_cancel: Callable[[], object]) -> asyncio.CancelledError | None:
        """Wait until it has happened. Call *on_cancel* each time that the calling task is cancelled meanwhile.

        Returns:
            The last cancel, which the caller must raise when it has cleaned up; `None` if there was none.
        """
        cancelled: asyncio.CancelledError | None = None
        while not self.happened:
            future = self.loop.create_future()
            self._waiting += (future,)
            try:
                await future
            except asyncio.CancelledError as error:
                self._waiting = tuple(other for other in self._waiting if other is not future)
                cancelled = error
                on_cancel()
        return cancelled
