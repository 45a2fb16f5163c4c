"""systemd-logind: a goodbye before the machine sleeps, and back at once when it wakes up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from cometconn.errors import AppStateError

from .source import Excursion

if TYPE_CHECKING:
    from .source import Follower

__all__ = ["follow_logind"]

_LOG = logging.getLogger("cometconn")


@trio.lowlevel.enable_ki_protection
async def follow_logind(
    chat: Follower,
    *,
    who: str = "cometconn",
    why: str = "Says goodbye to the chat server",
    bus: str | None = None,
    patience: float = 2.0,
    retry_every: float = 5.0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Follow the machine's sleep, as systemd-logind announces it on the system bus, until cancelled.

    Before the machine sleeps the app enters the background, which in auto mode closes the
    socket; a *delay* lock makes the machine wait for that. When it wakes up the app
    enters the foreground again, a retry that waits is made now, and a new lock is taken.
    Needs the extra `cometconn[logind]`, and no right: everybody may take a delay lock.

    What it needs must be there when it starts. Later on, the bus or logind going away is
    told by a WARNING on the logger `cometconn`; the app then returns to the foreground,
    since nobody would say when the machine wakes up, and the bus is tried again, for ever.
    Only the announcements of whoever owns logind's name count, not those that another
    program sends us.

    Args:
        chat: the client.
        who: the program's name, for `systemd-inhibit --list`.
        why: what the machine waits for, for the same list.
        bus: the bus's address, as `unix:path=/run/dbus/system_bus_socket`. By default what
            `DBUS_SYSTEM_BUS_ADDRESS` says, else the system bus.
        patience: how long the goodbye may delay the sleep, in seconds. logind itself waits
            `InhibitDelayMaxSec`, 5 s unless configured, and not longer.
        retry_every: seconds between two tries to reach a bus that went away.
        task_status: from `nursery.start()`; started once the lock is held.

    Raises:
        AppStateError: at the start: jeepney is not installed, there is no bus, no logind
            on it, or it refuses the lock. The cause is chained.

    Never returns by itself. If cancelled, the lock is released, and the app is back in the
    foreground if it was this that led it away. Source: systemd,
    org.freedesktop.login1(5), and "Inhibitor Locks" on systemd.io.
    """
    try:
        from .system_bus import BusError, open_bus  # noqa: PLC0415 - the extra may not be installed
        from .vigil import Lock, Vigil  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        message = f'follow_logind(): {error.name} is not installed: pip install "cometconn[logind]"'
        raise AppStateError(message) from error
    started = followed = False
    with Excursion(chat) as away:
        while True:
            try:
                async with open_bus(bus) as opened:
                    with Lock(opened, who, why) as lock:
                        vigil = Vigil(chat, opened, lock, away, patience)
                        await vigil.begin()
                        followed = True
                        if not started:
                            started = True
                            task_status.started()
                        await vigil.keep()
            except BusError as error:
                if not started:
                    message = f"systemd-logind cannot be followed: {error}."
                    raise AppStateError(message) from error
                if followed:  # told once, not every few seconds
                    _LOG.warning("systemd-logind is not followed for now: %s.", error)
                followed = False
            away.end()
            await trio.sleep(retry_every)
