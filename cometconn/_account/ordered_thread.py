"""Runs blocking calls one after the other, in a thread that no other work can occupy."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import trio

__all__ = ["Call", "OrderedThread"]

_T = TypeVar("_T")
_JUMP = 0.2  # seconds: Trio's clock runs ahead of the real one by more than this only if it is a test's mock clock


@attrs.define(eq=False)
class Call(Generic[_T]):
    """One submitted call and its result."""

    _function: Callable[[], _T] | None
    kind: str
    _is_virtual: Callable[[], bool]
    is_abandoned: bool = attrs.field(default=False, init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token, init=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    _result: _T | None = attrs.field(default=None, init=False)
    _error: BaseException | None = attrs.field(default=None, init=False)

    def make(self) -> None:
        """Make the call. Runs in the thread."""
        function, self._function = self._function, None
        assert function is not None, "make() is called once"
        try:
            self._result = function()
        except BaseException as error:  # noqa: BLE001 - raised again by wait()
            self._error = error
        del function  # before the end is signalled, so that the objects it refers to can be freed by then
        with contextlib.suppress(trio.RunFinishedError):  # then no task waits for it
            self._token.run_sync_soon(self._ended.set)

    async def wait(self) -> _T:
        """Return what the call returns. If cancelled, the call is still made."""
        try:
            await self._ended.wait()
        except BaseException as error:
            if not (isinstance(error, trio.Cancelled) and self._is_virtual()):
                self.is_abandoned = True
                raise
            with trio.CancelScope(shield=True):
                await self._ended.wait()
        failure, self._error = self._error, None
        if failure is None:
            return self._result  # type: ignore[return-value]
        try:
            raise failure
        finally:
            del failure  # avoids a reference cycle between the exception and this frame


@attrs.define(eq=False)
class OrderedThread:
    """Makes blocking calls in the order in which they were submitted, one at a time.

    A call that hangs in the operating system cannot be cancelled, only the wait for it. The next call then begins when
    it has returned.

    The thread comes from Trio's cache. It is taken for the first call and returned when no call is left. It does not
    count against the 40 threads of `trio.to_thread`, which may all be busy. It is a daemon thread: neither the end of
    `trio.run` nor the end of the process waits for it.
    """

    _mutex: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _waiting: deque[Call[object]] = attrs.field(factory=deque, init=False)
    _is_running: bool = attrs.field(default=False, init=False)
    _clocks_apart: float = attrs.field(factory=lambda: trio.current_time() - time.perf_counter(), init=False)

    def submit(self, function: Callable[[], _T], kind: str = "", replaces: frozenset[str] = frozenset()) -> Call[_T]:
        """Call *function* after all earlier calls.

        Earlier calls whose *kind* it *replaces* are dropped if they have not begun and no task waits for them any more,
        so that calls do not pile up while a disk hangs.

        Raises `RuntimeError` if the system starts no thread; the next call tries again.
        """
        call = Call(function, kind, self._is_time_virtual)
        with self._mutex:
            if any(earlier.is_abandoned for earlier in self._waiting):
                self._waiting = deque(c for c in self._waiting if not (c.is_abandoned and c.kind in replaces))
            self._waiting.append(call)  # type: ignore[arg-type]
            must_start, self._is_running = not self._is_running, True
        if must_start:
            try:
                trio.lowlevel.start_thread_soon(self._work, lambda result: result.unwrap(), "cometconn files")
            except BaseException:
                with self._mutex:
                    self._waiting.remove(call)  # type: ignore[arg-type]
                    self._is_running = False
                raise
        return call

    def _is_time_virtual(self) -> bool:
        """Return whether Trio's clock is a mock clock that has jumped.

        Its deadlines are then unrelated to the real time that a thread takes, so `wait()` waits for the thread.
        """
        return trio.current_time() - time.perf_counter() > self._clocks_apart + _JUMP

    def _work(self) -> None:
        while True:
            with self._mutex:
                if not self._waiting:
                    self._is_running = False
                    return
                call = self._waiting.popleft()
            call.make()
            del call
