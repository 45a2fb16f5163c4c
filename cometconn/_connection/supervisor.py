"""The task that opens a link whenever the state requires one, and the task that ends the lease on cancellation."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_refusal
from cometconn._lifecycle.states import State
from cometconn._lot import sleep_forever
from cometconn.errors import ApiError, CometConnError, NotLoggedInError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .admission import Admission
    from .link import Link
    from .link_nursery import LinkNursery
    from .machine import Machine

__all__ = ["Supervisor", "watcher"]


@trio.lowlevel.enable_ki_protection
async def watcher(leave: Callable[[], None]) -> None:
    """Call *leave* when the client's nursery is cancelled, which ends the lease.

    This task sleeps outside all shielded scopes, so a cancel of the client's nursery reaches it directly, whatever its
    reason. *leave* is synchronous and idempotent. It is called even if this task is cancelled before it first runs.
    """
    try:
        await sleep_forever()
    finally:
        leave()


@attrs.frozen(eq=False)
class Supervisor:
    """Opens a link whenever the machine's state is `CONNECTING`.

    It reads the state and not notifications of changes, so it cannot miss a change.

    Attributes:
        machine: holds the connection's state.
        links: returns the `LinkNursery`. The first call may import modules that only a connection needs.
        renew: gets a new token in place of a refused one, and awaits its argument before a new login. Raises `ApiError`
            if that fails, and `NotLoggedInError` if the server no longer accepts the user's auth token.
        forget: logs the user out without a request; its argument is the reason.
        admission: is awaited before a new login.
    """

    machine: Machine
    links: Callable[[], LinkNursery]
    renew: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    forget: Callable[[NotLoggedInError], Awaitable[None]]
    admission: Admission

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Open a link in the state `CONNECTING` and otherwise wait for the state to change, until the client is left."""
        machine = self.machine
        machine.tick()
        while machine.state is not State.CLIENT_CLOSED:
            if machine.state is State.CONNECTING:
                attempt = machine.epoch
                await self.links().run()
                machine.tick()
                if machine.state is State.CONNECTING and machine.epoch == attempt:
                    # The link has ended but the attempt goes on: the token was refused, or three auth frames in a row had no
                    # answer.
                    await self._second_dial()
            else:
                await machine.wait_changed()
            machine.tick()

    async def _second_dial(self) -> None:
        """Renew the token and dial a second time. Both belong to the same attempt, which has a new time limit."""
        logout_reason, still_wanted = None, False
        with trio.CancelScope() as lease:
            link = self.machine.open_link(lease, second=True, has_socket=False)
            link.step = "the renewal of the token (GET /me, or a new login)"
            try:
                logout_reason = await self._renew(link)
            finally:
                still_wanted = not link.over
                self.machine.link_closed(link)
        if still_wanted and logout_reason is not None:
            await self.forget(logout_reason)
        elif still_wanted:
            await self.links().run(second=True)

    async def _renew(self, link: Link) -> NotLoggedInError | None:
        """Renew the token. Return the `NotLoggedInError` if the server no longer accepts the user's auth token, else `None`."""
        try:
            with trio.CancelScope(deadline=link.attempt_ends) as attempt:
                await self.renew(partial(self._wait_admitted, link, attempt))
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

    async def _wait_admitted(self, link: Link, attempt: trio.CancelScope) -> None:
        attempt.deadline = math.inf
        try:
            await self.admission.wait_for_attempt(self.machine, link)
        finally:
            attempt.deadline = link.attempt_ends
