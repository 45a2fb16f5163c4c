"""The task that opens links when they are wanted, and the one that turns cancellation into the end of the lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_refusal
from cometconn._lifecycle.states import State
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

    It sleeps outside every shield, so it is the first task that runs when the client's nursery is cancelled, for
    whatever reason. *leave* is synchronous and may be called again. It is called even if the task was cancelled before
    its first step.
    """
    try:
        await trio.sleep_forever()
    finally:
        leave()


@attrs.frozen(eq=False)
class Supervisor:
    """Opens a link whenever one is wanted. It acts on the machine's state and not on events, so it misses none.

    Attributes:
        machine: knows whether a link is wanted.
        links: returns what runs a link. The first call may import what only a connection needs.
        renew: replaces a refused token. Raises `ApiError` if that fails, and `NotLoggedInError` if the server no longer
            knows the user's auth token.
        forget: logs the user out without a request, for the reason that it is given.
    """

    machine: Machine
    links: Callable[[], LinkNursery]
    renew: Callable[[], Awaitable[None]]
    forget: Callable[[NotLoggedInError], Awaitable[None]]

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Open links and wait for changes of the state, until the client is left."""
        machine = self.machine
        machine.tick()
        while machine.state is not State.CLIENT_CLOSED:
            if machine.state is State.CONNECTING:
                attempt = machine.epoch
                await self.links().run()
                machine.tick()
                if machine.state is State.CONNECTING and machine.epoch == attempt:
                    # The link has ended and its attempt has not: the token is to be renewed.
                    await self._second_dial()
            else:
                await machine.wait_changed()
            machine.tick()

    async def _second_dial(self) -> None:
        """Renew the token and dial once more; both are part of the attempt."""
        unknown, wanted = None, False
        with trio.CancelScope() as lease:
            link = self.machine.open_link(lease, second=True, dials=False)
            link.step = "the renewal of the token (GET /me, or a new login)"
            try:
                unknown = await self._renew(link)
            finally:
                wanted = not link.over
                self.machine.link_closed(link)
        if wanted and unknown is not None:
            await self.forget(unknown)
        elif wanted:
            await self.links().run(second=True)

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
