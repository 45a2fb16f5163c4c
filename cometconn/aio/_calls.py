"""The calls of one client that asyncio tasks make, and that Trio tasks carry out."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import trio

from cometconn.errors import NotConnectedError

from ._signal import Signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._guest import Guest

__all__ = ["Calls"]

T = TypeVar("T")
_PASSES = 20
"""Passes of Trio's scheduler in which a call that the client has ended gives back its connection and raises its error."""


class Calls:
    """Carries out calls of one client, until the client was left.

    Attributes:
        guest: the Trio run.
    """

    __slots__ = ("_is_over", "_running", "guest")

    def __init__(self, guest: Guest) -> None:
        self.guest: Guest = guest
        self._running: set[_Call] = set()
        self._is_over = False

    async def run(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Await *wait* in a task of Trio's, in which the context of the calling task is seen, and return its result.

        Cancelling the calling task cancels the Trio task. `CancelledError` is raised when that has cleaned up, also if
        it has completed all the same: a cancel is never swallowed.

        Raises:
            NotConnectedError: the client was left.
            RuntimeError: the call comes from another loop than the one in which the client was opened.

        What *wait* raises is raised, too.
        """
        if wait is trio.lowlevel.checkpoint:  # the call has done all there was to do
            await asyncio.sleep(0)
            return cast("T", None)
        if self._is_over:
            raise _left()
        if asyncio.get_running_loop() is not self.guest.loop:
            message = "This client was opened in another asyncio loop: call it from a task of that loop."
            raise RuntimeError(message)
        call = _Call(self.guest.loop, wait)
        self._running.add(call)
        self.guest.start(partial(self._carry_out, call), "cometconn.aio.call")
        try:
            cancelled = await call.wait(call.scope.cancel)
            if cancelled is not None:
                raise cancelled
            if call.error is not None:
                raise call.error
            return cast("T", call.value)
        finally:
            del call  # avoids a reference cycle with the traceback of the error

    async def _carry_out(self, call: _Call) -> None:
        try:
            await call.carry_out()
        finally:
            if call.happened:
                self._running.discard(call)

    async def end(self) -> None:
        """The client was left. Let the calls that it has ended return, then end those that go on. Called in Trio.

        This takes no time on the clock, and cannot be cancelled.
        """
        self._is_over = True
        with trio.CancelScope(shield=True):  # bounded by the number of passes
            for _ in range(_PASSES):
                if not self._running:
                    return
                await trio.lowlevel.checkpoint()
        for call in self._running:
            call.scope.cancel(reason="cometconn: the client was left")

    def crash(self, error: BaseException) -> None:
        """Trio has crashed with *error*: so end all calls."""
        self._is_over = True
        for call in self._running:
            if not call.happened:
                call.error = error
                call.set()


class _Call(Signal):
    """One call. It has happened when the Trio task has ended.

    Attributes:
        scope: the Trio task runs in it.
        value, error: the outcome.
    """

    __slots__ = ("_wait_in_trio", "error", "scope", "value")

    def __init__(self, loop: asyncio.AbstractEventLoop, wait: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(loop)
        self._wait_in_trio = wait
        self.scope: trio.CancelScope = trio.CancelScope()
        self.value: Any = None
        self.error: BaseException | None = None

    async def carry_out(self) -> None:
        """Run in Trio."""
        # If the scope is cancelled, either the asyncio task was, which raises its `CancelledError`, or the client was left.
        self.error = _left()
        try:
            with self.scope:
                self.value = await self._wait_in_trio()
                self.error = None
        except trio.Cancelled:
            if self.scope.cancel_called:  # otherwise Trio has crashed, and `Calls.end()` gets its error
                self.set()
            raise
        except BaseException as error:  # noqa: BLE001 - raised in the asyncio task
            self.error = error
        self.set()


def _left() -> NotConnectedError:
    return NotConnectedError("The client was left before the call had ended: open a new client.")
