"""The task that looks at the state and makes the world agree, and the one that watches for the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_refusal
from cometconn._lifecycle.states import State
from cometconn._lot import at_any_time
from cometconn.errors import ApiError, CometConnError, NotLoggedInError

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
        links: makes what runs one link. The first call may import what only a connection needs.
        renew: gets a new token in place of a refused one. Raises `ApiError` when it cannot, and
            `NotLoggedInError` when the server no longer knows the user's auth token.
        forget: logs the user out without a request, for the reason given.
    """

    machine: Machine
    links: Callable[[], LinkNursery]
    renew: Callable[[], Awaitable[None]]
    forget: Callable[[NotLoggedInError], Awaitable[None]]

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Look, act, wait for a change, until the client is left."""
        machine = self.machine
        machine.tick()
        while machine.state is not State.CLIENT_CLOSED:
            if machine.state is State.CONNECTING:
                epoch, link = machine.epoch, machine.open_link()
                await self.links().run(link)
                machine.tick()
                if link.wants_renewal and machine.epoch == epoch and machine.state is State.CONNECTING:
                    await self._second_dial(machine.open_link(second=True, dials=False))
                del link  # with all that it has read: the next one may be far away
            else:
                await machine.wait_changed()
            machine.tick()

    async def _second_dial(self, link: Link) -> None:
        """Renew the token and dial once more; both are part of the attempt."""
        unknown: NotLoggedInError | None = None
        link.step = "the renewal of the token (GET /me, or a new login)"
        try:
            with link.lease:
                unknown = await self._renew(link)
        finally:
            self.machine.end_closing_handshake(link)
        self.machine.tick()
        if unknown is not None and not link.over:
            await self.forget(unknown)
        if not link.over:
            self.machine.drop_link(link)
            await self.links().run(self.machine.open_link(second=True))

    async def _renew(self, link: Link) -> NotLoggedInError | None:
        """Renew; return the reason to log the user out, if there is one."""
        try:
            with trio.move_on_at(link.attempt_ends):
                await self.renew()
        except NotLoggedInError as error:
            return error
        except ApiError as error:
            if is_refusal(error):
                self.machine.renewal_refused(link, error)
            else:
                self.machine.lost(link, error)
        except CometConnError as error:
            self.machine.lost(link, error)
        finally:
            self.machine.tick()
        return None
