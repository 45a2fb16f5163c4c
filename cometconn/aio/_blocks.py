"""Context managers of Trio's that asyncio tasks enter and leave."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Generic, TypeVar, final

import trio

from ._calls import Calls
from ._guest import Guest, current_task, join
from ._signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Block"]

S = TypeVar("S")
T = TypeVar("T")


@final
class Block(AbstractAsyncContextManager[T], Generic[S, T]):
    """Runs an async context manager in a Trio task of its own.

    Nurseries and cancel scopes belong to one task, but an asyncio program may enter a block in one task and leave it in
    another, as the fixtures of test frameworks do. The task that enters the block owns it: if the manager fails while
    the block runs, its owner is cancelled, and leaving the block raises the failure instead.

    Programs get it as a `WrappedBlock`, which lets it be entered once.

    Args:
        make: makes the manager. It is called in the Trio task.
        face: makes what the block gets, of what the manager gives, and of what carries out calls.
        end: is called with what the manager gave, if Trio has crashed, so that the manager could not clean up.
    """

    def __init__(
        self,
        make: Callable[[], AbstractAsyncContextManager[S]],
        face: Callable[[S, Calls], T],
        end: Callable[[S], object] = lambda _: None,
    ) -> None:
        self._make = make
        self._face = face
        self._end = end
        self._owner: asyncio.Task[object] | None = None
        self._guest: Guest | None = None
        self._calls: Calls | None = None
        self._entered: Signal | None = None
        self._over: Signal | None = None
        self._given: S | None = None
        self._scope = trio.CancelScope()
        self._leaving = trio.Event()
        self._of_block: BaseException | None = None  # the exception that the block has raised
        self._is_suppressed = False
        self._failure: BaseException | None = None
        self._cancelled_owner = False

    # The asyncio side.

    async def __aenter__(self) -> T:
        self._owner = current_task()
        guest = self._guest = await join(self)
        self._entered, self._over, self._calls = Signal(guest.loop), Signal(guest.loop), Calls(guest)
        guest.start(self._run, "cometconn.aio.block")
        cancelled = await self._entered.wait(self._scope.cancel)
        if cancelled is not None or self._failure is not None:
            self._leaving.set()
            cancelled = await self._wait_over() or cancelled
            if cancelled is not None:
                raise cancelled
            self._raise_failure()
        assert self._given is not None, "entered"
        return self._face(self._given, self._calls)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            self._of_block = error
            self._leaving.set()
            cancelled = await self._wait_over()
            if self._cancelled_owner and asyncio.current_task() is self._owner:
                self.owner.uncancel()
            self._raise_failure()
            if cancelled is not None and not isinstance(error, asyncio.CancelledError):
                raise cancelled
            return self._is_suppressed
        finally:
            self._of_block = cancelled = None
            del error, traceback  # avoids a reference cycle

    async def _wait_over(self) -> asyncio.CancelledError | None:
        """Wait for the Trio task, and after the last block for the guest. Each cancel meanwhile cancels the Trio task."""
        assert self._over is not None, "entered"
        assert self._guest is not None, "entered"
        cancelled = await self._over.wait(self._scope.cancel)
        if self._guest.is_ending:
            cancelled = await self._guest.over.wait(lambda: None) or cancelled
        return cancelled

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        try:
            if failure is not None:
                raise failure
        finally:
            del failure  # avoids a reference cycle

    # What keeps the guest running.

    @property
    def owner(self) -> asyncio.Task[object]:
        """The asyncio task that has entered the block."""
        assert self._owner is not None, "only a task can enter"
        return self._owner

    def close(self) -> bool:
        """End the block. Return `False` if it is being left already."""
        is_open = not self._leaving.is_set()
        self._leaving.set()
        if is_open:
            self._scope.cancel(reason="cometconn: the asyncio loop ends")
        return is_open

    def crash(self, error: BaseException) -> None:
        """Note that the guest has ended with *error*, and the block with it."""
        if self._given is not None:
            self._end(self._given)
        if self._calls is not None:
            self._calls.crash(error)
        self._note_over(error)

    # The Trio side.

    async def _run(self) -> None:
        traceback: TracebackType | None = None
        failure: BaseException | None = None
        try:
            with self._scope:
                async with self._make() as self._given:
                    assert self._entered is not None, "entered"
                    self._entered.set()
                    await self._leaving.wait()
                    if self._of_block is not None:
                        traceback = self._of_block.__traceback__
                        raise self._of_block  # noqa: TRY301 - the manager is to see it
                self._is_suppressed = self._of_block is not None
        except trio.Cancelled:
            raise  # Trio has crashed: see `crash()`
        except BaseException as error:  # noqa: BLE001 - raised in the asyncio task
            if error is self._of_block:
                error.__traceback__ = traceback  # without the lines of this task
            else:
                failure = error
        assert self._guest is not None, "entered"
        assert self._calls is not None, "entered"
        try:
            await self._calls.end()
            self._note_over(failure)
            self._guest.remove(self)
        finally:
            del failure, traceback  # avoids a reference cycle

    def _note_over(self, failure: BaseException | None) -> None:
        assert self._entered is not None, "entered"
        assert self._over is not None, "entered"
        self._failure = failure
        if self._entered.happened and not self._leaving.is_set() and not self.owner.done():
            self._cancelled_owner = True
            self.owner.cancel()
        self._entered.set()
        self._over.set()
