"""Joining a group and keeping its lease: the same for workers and consumers."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable

import attrs
import trio

from cometconn._client.version import __version__

from .counters import LeaseCounters
from .engine import EngineConnection
from .errors import EngineError, LeaseLostError, NameInUseError
from .lease import LocalLease
from .log_writer import AFTER_FAILURE
from .settings import FleetSettings
from .values import Incarnation, LeaseGrant

__all__ = ["Membership"]

_LOG = logging.getLogger("cometconn.fleet")
_LEAVING = 1.0  # seconds for telling the engine that a lease is over; else it finds out by itself
_A_MOMENT = 0.05  # seconds: a lease that has just ended is over on the engine's clock then


@attrs.define(eq=False)
class Membership:
    """One lease of one member of a group, from its join to its end.

    Attributes:
        incarnation: the member.
        connection: to the engine.
        fleet: the settings.
        boot_time: a clock that goes on while the machine sleeps, in seconds.
        counters: of the worker or consumer.
        info: returns what else `status` commands show.
        lease: the lease as seen here.
        joined_at: when it began, on Trio's clock.
        is_draining: whether it was marked as draining, by this process or by an operator.
    """

    incarnation: Incarnation
    connection: EngineConnection
    fleet: FleetSettings
    boot_time: Callable[[], float] = attrs.field(repr=False)
    counters: LeaseCounters
    info: Callable[[], dict[str, object]] = attrs.field(repr=False)
    lease: LocalLease = attrs.field(init=False)
    joined_at: float = attrs.field(default=0.0, init=False)
    is_draining: bool = attrs.field(default=False, init=False)
    _renew_now: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the lease, which has not begun yet."""
        self.lease = LocalLease(self.boot_time, self.fleet.lease_margin)

    async def join(self) -> None:
        """Get the lease. Raises `EngineError`, and `NameInUseError` if another incarnation of the same name has one."""
        await self._request(joining=True)
        self.joined_at = trio.current_time()

    async def join_in_turn(self) -> None:
        """Do the same; if the name is in use, wait once until that lease is over: its holder may have been killed."""
        try:
            await self.join()
        except NameInUseError as error:
            remaining = error.remaining
        else:
            return
        await trio.sleep(remaining + _A_MOMENT)
        await self.join()

    async def join_at_last(self) -> None:
        """Do the same until it succeeds."""
        has_warned = False
        while True:
            try:
                await self.join()
            except NameInUseError as error:
                if not has_warned:
                    _LOG.warning("%s", error)
                    has_warned = True
                await trio.sleep(min(error.remaining + _A_MOMENT, self.fleet.reconcile_every))
            except LeaseLostError:
                # A join whose answer was lost was made, and its lease is over since.
                self.incarnation = Incarnation(self.incarnation.name, group=self.incarnation.group)
            except EngineError as error:
                if not has_warned:
                    _LOG.warning("The engine is unreachable: %s", error)
                    has_warned = True
                await trio.sleep(self.fleet.reconcile_every)
            else:
                return

    def drain(self) -> None:
        """Mark it as draining, from the next renewal on, which is made now."""
        self.is_draining = True
        self._renew_now.set()

    @trio.lowlevel.enable_ki_protection
    async def renew(self, on_renewed: Callable[[], object]) -> None:
        """Renew the lease until it is over, every quarter of its time, and at once again after a failure (F3)."""
        due = trio.current_time() + self.fleet.renew_every
        while True:
            expected = max(due, trio.current_time())
            with trio.move_on_at(due) as waiting:
                await self._renew_now.wait()
            if waiting.cancelled_caught:
                self.counters.loop_lag.add(max(0.0, trio.current_time() - expected))
            self._renew_now = trio.Event()
            began = trio.current_time()
            if await self._try_to_renew():
                due = began + self.fleet.renew_every
                on_renewed()
            else:
                due = trio.current_time() + AFTER_FAILURE

    async def _try_to_renew(self) -> bool:
        began = trio.current_time()
        try:
            # A request that hangs is given up, so that a new connection can be tried before the lease is over.
            with trio.fail_after(self.fleet.renewal_patience):
                await self._request(joining=False)
        except (EngineError, trio.TooSlowError):
            self.counters.renewals_failed += 1
            return False
        except LeaseLostError:
            self.lease.lose()
            await trio.sleep_forever()  # cancelled with the lease
        self.counters.renewals += 1
        self.counters.renewal_seconds.add(trio.current_time() - began)
        return True

    async def _request(self, *, joining: bool) -> None:
        sent_at = self.boot_time()
        grant: LeaseGrant = await self.connection.lease(
            self.incarnation,
            self.fleet.lease_ttl,
            joining=joining,
            draining=self.is_draining,
            info=json.dumps(
                {
                    **_process(),
                    "lease_ttl": self.fleet.lease_ttl,
                    "joined_for": 0.0 if joining else round(trio.current_time() - self.joined_at, 1),
                    **self.info(),
                }
            ),
        )
        self.lease.extend(sent_at, grant.ttl)
        self.is_draining = self.is_draining or grant.member.draining

    async def end(self) -> None:
        """End the lease here and in the engine, so that others need not wait for its time. Takes at most 1 s."""
        self.lease.lose()
        with trio.move_on_after(_LEAVING, shield=True):
            try:
                await self.connection.lease(self.incarnation, 0)
            except EngineError:
                await trio.lowlevel.checkpoint()


def _process() -> dict[str, object]:
    """Return what operators look for a member by."""
    return {"version": __version__, "host": socket.gethostname(), "pid": os.getpid()}
