"""The task that looks at the state and makes the world agree, and the one that watches for the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lifecycle.states import State
from cometconn._lot import at_any_time
from cometconn.errors import ApiError, CometConnError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .link import Link
    from .link_nursery import LinkNursery
    from .machine import Machine

__all__ = ["Supervisor", "watcher"]


@trio.lowlevel.enable_ki_protection
async def watcher(leave: Callable[[], None]) -> None:
    """Turn cancellation from outside into the end of the lease.

    It sleeps outside every shield, so it is the first to hear that the client's nursery
    was cancelled, for whatever reason; *leave* is synchronous and may be called again.
    Cancelled before its first step, it takes that step all the same.
    """
    try:
        await trio.lowlevel.wait_task_rescheduled(at_any_time)
    finally:
        leave()


@attrs.frozen(eq=False)
class Supervisor:
    """Opens a link whenever one is wanted. Level-triggered: it reacts to no event it could miss.

    Attributes:
        machine: says what is wanted.
        links: runs one link.
        renew: renews a refused token; raises `ApiError` when it cannot.
        is_transient: tells an `ApiError` that says nothing about the token.
        is_unknown: tells an `ApiError` by which the server no longer knows the token.
        forget: the server no longer knows the token: log out, without a request.
    """

    machine: Machine
    links: LinkNursery
    renew: Callable[[], Awaitable[None]]
    is_transient: Callable[[ApiError], bool]
    is_unknown: Callable[[ApiError], bool]
    forget: Callable[[], Awaitable[None]]

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Look, act, wait for a change, until the client is left."""
        machine = self.machine
        machine.tick()
        while machine.state is not State.CLIENT_CLOSED:
            if machine.state is State.CONNECTING:
                await self._attempt()
            else:
                await machine.wait_changed()
            machine.tick()

    async def _attempt(self) -> None:
        epoch = self.machine.epoch
        link = self.machine.open_link()
        await self.links.run(link)
        self.machine.tick()
        if link.wants_renewal and self.machine.epoch == epoch and self.machine.state is State.CONNECTING:
            await self._second_dial(self.machine.begin_renewal())

    async def _second_dial(self, link: Link) -> None:
        """Renew the token and dial once more; both are part of the attempt."""
        unknown = False
        try:
            with link.lease:
                unknown = not await self._renewed(link)
        finally:
            self.machine.end_farewell(link)
        self.machine.tick()
        if unknown and not link.over:
            await self.forget()
        if not link.over:
            self.machine.drop_link(link)
            await self.links.run(self.machine.open_link(second=True))

    async def _renewed(self, link: Link) -> bool:
        """Renew; return `False` when the server no longer knows the token at all."""
        try:
            with trio.move_on_at(link.attempt_ends):
                await self.renew()
        except ApiError as error:
            if self.is_unknown(error):
                return False
            if self.is_transient(error):
                self.machine.lost(link, error)
            else:
                self.machine.renewal_refused(link, error)
        except CometConnError as error:
            self.machine.lost(link, error)
        finally:
            self.machine.tick()
        return True
