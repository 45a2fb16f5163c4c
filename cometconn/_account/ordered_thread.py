"""Blocking calls, one after the other, on a thread that no other work can occupy."""

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
_JUMP = 0.2  # seconds that Trio's clock gains on the one it is made of only if it is a test's


@attrs.define(eq=False)
class Call(Generic[_T]):
    """One call, from its place in the order to its end."""

    _function: Callable[[], _T] | None
    kind: str
    _is_virtual: Callable[[], bool]
    is_abandoned: bool = attrs.field(default=False, init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token, init=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    _result: _T | None = attrs.field(default=None, init=False)
    _error: BaseException | None = attrs.field(default=None, init=False)

    def make(self) -> None:
        """Make the call, in the thread."""
        function, self._function = self._function, None
        assert function is not None, "a call is made once"
        try:
            self._result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
            self._error = error
        del function  # before anything hears of the end: what it holds may be let go of then
        with contextlib.suppress(trio.RunFinishedError):  # then nothing waits for it
            self._token.run_sync_soon(self._ended.set)

    async def wait(self) -> _T:
        """Return what the call returns. If cancelled, the call is made all the same."""
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
            del failure  # it would refer to this frame, and this frame to it


@attrs.define(eq=False)
class OrderedThread:
    """Makes blocking calls in the order in which they were submitted, one at a time.

    A thread that hangs in the operating system cannot be cancelled: waiting for it can be. The
    next call then begins when it has come back.

    The thread is one of Trio's, taken for the first call and given back when no call is left. It
    is not one of the 40 that `trio.to_thread` allows, so these can be busy. It is a daemon
    thread: neither the end of `trio.run` nor the end of the process waits for it.
    """

    _mutex: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _waiting: deque[Call[object]] = attrs.field(factory=deque, init=False)
    _is_running: bool = attrs.field(default=False, init=False)
    _clocks_apart: float = attrs.field(factory=lambda: trio.current_time() - time.perf_counter(), init=False)

    def submit(self, function: Callable[[], _T], kind: str = "", replaces: frozenset[str] = frozenset()) -> Call[_T]:
        """Have *function* called behind all earlier calls.

        Earlier calls of the kinds that it *replaces* are left out if they have not begun and no
        task waits for them any more. So calls to a disk that hangs do not pile up.
        """
        call = Call(function, kind, self._is_time_virtual)
        with self._mutex:
            if any(earlier.is_abandoned for earlier in self._waiting):
                self._waiting = deque(c for c in self._waiting if not (c.is_abandoned and c.kind in replaces))
            self._waiting.append(call)  # type: ignore[arg-type]
            must_start, self._is_running = not self._is_running, True
        if must_start:
            trio.lowlevel.start_thread_soon(self._work, lambda result: result.unwrap(), "cometconn files")
        return call

    def _is_time_virtual(self) -> bool:
        """Return whether Trio's clock has jumped: then a deadline says nothing about a thread, which is waited for."""
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
