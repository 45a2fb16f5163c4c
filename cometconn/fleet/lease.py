"""The lease of a worker or consumer as it is seen in its own process: a cancel scope, and the arithmetic of its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import attrs
import trio

from .errors import LeaseLostError

__all__ = ["LocalLease", "lease_end"]


def lease_end(sent_at: float, ttl: float, margin: float) -> float:
    """Return when a lease has to be given up locally (F2).

    The engine counts *ttl* from some moment after *sent_at*, so this is at least *margin* earlier than the engine's end.

    Args:
        sent_at: the boot-time clock in seconds, read before the request was sent that the engine has accepted.
        ttl: what the engine granted, in seconds.
        margin: how much earlier to end, in seconds.
    """
    return sent_at + ttl - margin


@final
@attrs.define(eq=False)
class LocalLease:
    """One lease, which ends once and is never revived.

    Attributes:
        scope: everything that needs the lease runs inside of this scope, or ends in the same step.
    """

    _boot_time: Callable[[], float] = attrs.field(repr=False)
    _margin: float
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False, repr=False)
    _ends_at: float = attrs.field(default=-math.inf, init=False)  # on the boot-time clock
    _lost: bool = attrs.field(default=False, init=False)

    def extend(self, sent_at: float, ttl: float) -> None:
        """Note that the engine has accepted a request that was sent at *sent_at*. Without effect once the lease is over."""
        if self._ends_at != -math.inf and self.is_over:
            return
        self._ends_at = max(self._ends_at, lease_end(sent_at, ttl, self._margin))
        # The boot-time clock goes on while the machine sleeps, and Trio's does not: see `is_over`.
        self.scope.deadline = trio.current_time() + self._ends_at - self._boot_time()

    @property
    def is_over(self) -> bool:
        """Whether it has ended: by time, also while the machine slept, or because the engine refused to renew it."""
        if not self._lost and (self.remaining <= 0 or self.scope.cancel_called):
            self.lose()
        return self._lost

    @property
    def remaining(self) -> float:
        """Seconds until it ends, if it is not renewed; 0 if it is over."""
        return 0.0 if self._lost else max(0.0, self._ends_at - self._boot_time())

    @property
    def deadline(self) -> float:
        """When it ends if it is not renewed, on Trio's clock."""
        return self.scope.deadline

    def lose(self) -> None:
        """End it now. Idempotent."""
        self._lost = True
        self.scope.cancel(reason="cometconn: the lease of the worker or consumer is over")

    def check(self) -> None:
        """Raise `LeaseLostError` if it is over."""
        if self.is_over:
            message = "The lease is over: other workers may own what this one owned."
            raise LeaseLostError(message)
