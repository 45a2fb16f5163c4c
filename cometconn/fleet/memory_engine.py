"""The engine of one process: everything is in memory, and time is Trio's."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar, final

import trio

from cometconn._arguments import checked
from cometconn._groups import async_block

from .checks import DEFAULT_PARTITIONS, check_arguments
from .engine import EngineConnection
from .errors import EngineError
from .memory_state import MemoryState
from .plain_connection import LeaseCalls, PlainCalls, PlainConnection

__all__ = ["MemoryEngine"]

_T = TypeVar("_T")


class _Make(Protocol):
    async def __call__(self, app_id: str, partitions: int, call: Callable[[MemoryState, float], _T]) -> _T: ...


@final
@checked
class MemoryEngine:
    """Keeps a fleet in memory: for one process, one Trio run, and tests. Everything is lost with this object.

    Its clock is Trio's, so with a mock clock leases end in virtual time. Every call is made before its only checkpoint:
    a call that was cancelled was made.

    Attributes:
        is_unreachable: while it is `True`, every call raises `EngineError` and is not made. For tests.
    """

    def __init__(self) -> None:
        self.is_unreachable: bool = False
        self._state: MemoryState | None = None
        self._appended = trio.Event()

    def __repr__(self) -> str:
        return "MemoryEngine()"

    def state(self) -> MemoryState | None:
        """Return a copy of everything that it keeps, for `restore()`. `None` before the first connection."""
        return copy.deepcopy(self._state)

    def restore(self, state: MemoryState | None) -> None:
        """Replace everything by an earlier copy, as if the later writes were forgotten. For tests."""
        last_number = 0 if self._state is None else self._state.last_number
        self._state = copy.deepcopy(state)
        if self._state is not None:
            self._state.last_number = last_number  # of entries: none is given out twice
        self._wake_readers()

    @async_block("engine.connect", "connection")
    @asynccontextmanager
    async def connect(self, app_id: str, *, partitions: int | None = None) -> AsyncGenerator[EngineConnection, None]:
        """Give a connection. See `Engine.connect`."""
        check_arguments(app_id, partitions)
        await trio.lowlevel.checkpoint()
        count = self._open(app_id, partitions).partitions
        yield _MemoryConnection(self._make, lambda: self._appended, app_id, count)

    def _open(self, app_id: str, partitions: int | None) -> MemoryState:
        if self.is_unreachable:
            message = "The engine is unreachable."
            raise EngineError(message)
        if self._state is None:
            self._state = MemoryState(app_id, partitions or DEFAULT_PARTITIONS)
        self._state.check(app_id, partitions)
        return self._state

    async def _make(self, app_id: str, partitions: int, call: Callable[[MemoryState, float], _T]) -> _T:
        state = self._open(app_id, partitions)
        last_number = state.last_number
        result = call(state, trio.current_time())
        if state.last_number != last_number:
            self._wake_readers()
        await trio.lowlevel.checkpoint()
        return result

    def _wake_readers(self) -> None:
        self._appended.set()
        self._appended = trio.Event()


class _MemoryConnection(PlainConnection):
    """Makes the calls where it is, and lets other tasks run after each."""

    def __init__(self, engine: _Make, event: Callable[[], trio.Event], app_id: str, partitions: int) -> None:
        super().__init__(app_id, partitions)
        self._engine = engine
        self._event = event

    async def _make(self, call: Callable[[PlainCalls, float], _T]) -> _T:
        return await self._engine(self.app_id, self.partitions, call)

    async def _make_read(self, call: Callable[[PlainCalls, float], _T]) -> _T:
        return await self._make(call)

    async def _make_lease(self, call: Callable[[LeaseCalls, float], _T]) -> _T:
        return await self._engine(self.app_id, self.partitions, call)

    def _appended(self) -> trio.Event:
        return self._event()
