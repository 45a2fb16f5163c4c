"""The calls of one client that are under way: their attempts, and their end when the client is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, final

import trio

from cometconn._account.retrying import add_sentence
from cometconn._groups import ShortTraceback
from cometconn._lifecycle.backoff import retry_delay
from cometconn.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.retrying import Retrying
    from cometconn.settings import Timing

__all__ = ["RunningCalls"]

T = TypeVar("T")

_LIMITED = 429  # the status of a request that was refused before anything was done


@final
class RunningCalls:
    """The calls of one client that are under way. A plain class: every new process that opens a client makes it.

    Args:
        timing: `retry_base` and `retry_cap` bound the waiting between two attempts.
        random: returns a number from 0 to 1, for the jitter.
    """

    __slots__ = ("_scopes", "_timing", "random")

    def __init__(self, timing: Timing, random: Callable[[], float]) -> None:
        self._timing: Final = timing
        self.random: Callable[[], float] = random
        self._scopes: Final[list[trio.CancelScope]] = []

    def end(self, reason: str) -> None:
        """End them: the client is being left. *reason* is for Trio's own errors."""
        for scope in self._scopes:
            scope.cancel(reason=reason)

    @trio.lowlevel.enable_ki_protection
    async def make(self, attempt: Callable[[], Awaitable[T]], retrying: Retrying, ended: Callable[[], Exception]) -> T:
        """Make attempts until one succeeds, or none may follow; then raise the last error, with the number of attempts.

        Args:
            attempt: makes the request once.
            retrying: when it is made again. The server's `Retry-After` is a floor of the delay.
            ended: returns what is raised if `end()` ends the call.
        """
        with trio.CancelScope() as scope, ShortTraceback():
            self._scopes.append(scope)
            try:
                return await self._repeat(attempt, retrying)
            finally:
                self._scopes.remove(scope)
        raise ended()

    async def _repeat(self, attempt: Callable[[], Awaitable[T]], retrying: Retrying) -> T:
        until, made = trio.current_time() + retrying.seconds, 0
        while True:
            try:
                return await attempt()
            except ApiError as error:
                failure = error
            timing, made = self._timing, made + 1
            again = failure.worth_retrying if retrying.repeats else failure.status == _LIMITED or not failure.sent
            delay = retry_delay(made - 1, self.random(), base=timing.retry_base, cap=timing.retry_cap)
            delay = max(delay, failure.retry_after or 0.0)
            if not again or trio.current_time() + delay > until:
                if retrying.changes and failure.status is None and failure.sent:
                    add_sentence(failure, "The server may have carried it out all the same.")
                if made > 1:
                    add_sentence(failure, f"{made} attempts were made.")
                raise failure
            del failure  # avoids a reference cycle
            await trio.sleep(delay)
