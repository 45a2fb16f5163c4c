"""Lets the connects and logins of all workers pass one rate limit, which the engine keeps (F21 to F23)."""

from __future__ import annotations

from typing import Final, final

import attrs
import trio

from .counters import Counters
from .engine import EngineConnection
from .errors import EngineError
from .gcra import Rate
from .lease import LocalLease

__all__ = ["Governor", "asks_to_slow_down"]

_TRY_AGAIN = 0.5  # seconds until an unreachable engine is called again
_SLOW_DOWN: Final = frozenset({429, 503})


def asks_to_slow_down(error: BaseException | None) -> bool:
    """Return whether the server responded with 429 or 503, according to an error or its causes."""
    while error is not None:
        if getattr(error, "status", None) in _SLOW_DOWN:
            return True
        error = error.__cause__
    return False


@final
@attrs.frozen(eq=False)
class Governor:
    """The rate limit, as one lease uses it.

    Attributes:
        connection: to the engine, which keeps the limit for the whole fleet.
        rate: the limit.
        lease: nothing is admitted after its end.
        counters: of the worker.
    """

    connection: EngineConnection
    rate: Rate
    lease: LocalLease
    counters: Counters

    async def admit(self) -> None:
        """Reserve a place, and return when its time has come. It is the `admission` of each client.

        While the engine is unreachable nothing is admitted, because a client that cannot append need not connect (F22).
        If cancelled, the place is lost. Raises `LeaseLostError`.
        """
        began = trio.current_time()
        while True:
            self.lease.check()
            try:
                wait = await self.connection.admit(self.rate)
            except EngineError:
                await trio.sleep(_TRY_AGAIN)
                continue
            break
        await trio.sleep(wait)
        self.lease.check()
        self.counters.admissions += 1
        self.counters.admission_seconds.add(trio.current_time() - began)

    async def note_failure(self, error: BaseException | None) -> None:
        """Halve the rate of the fleet if *error*, of a connect or a login, is a response with 429 or 503."""
        if asks_to_slow_down(error):
            self.counters.throttled += 1
            try:
                await self.connection.admit(self.rate, throttled=True)
            except EngineError:
                await trio.lowlevel.checkpoint()  # nothing is admitted without the engine anyway
