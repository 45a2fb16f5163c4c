"""systemd-logind: close the connection before the machine sleeps, and open it when the machine wakes up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from cometconn._arguments import check
from cometconn._groups import need_trio
from cometconn.errors import AppStateError

from .source import BackgroundGuard

if TYPE_CHECKING:
    from .source import AppStateTarget

__all__ = ["follow_logind"]

_LOG = logging.getLogger("cometconn")


@trio.lowlevel.enable_ki_protection
async def follow_logind(
    chat: AppStateTarget,
    *,
    who: str = "cometconn",
    why: str = "Closes the chat connection",
    bus: str | None = None,
    patience: float = 2.0,
    retry_every: float = 5.0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Follow the machine's sleep, as systemd-logind announces it on the system bus, until cancelled.

    Before the machine sleeps the app enters the background, which in auto mode closes the
    connection; a *delay* lock makes the machine wait for that. When the machine wakes up, the
    app enters the foreground again, a waiting retry is made now, and a new lock is taken.
    Needs the extra `cometconn[logind]`, but no privilege: any user may take a delay lock.

    The bus and logind must be there at the start. If one of them goes away later, that is
    logged as a WARNING on the logger `cometconn`. The app then returns to the foreground,
    because it would not learn when the machine wakes up, and the bus is tried again until it
    is back. Only signals from the owner of logind's bus name count; those that another
    program sends are ignored.

    Args:
        chat: the client.
        who: the program's name, shown by `systemd-inhibit --list`.
        why: what the machine waits for, shown in the same list.
        bus: the bus's address, as `unix:path=/run/dbus/system_bus_socket`. By default that of
            the environment variable `DBUS_SYSTEM_BUS_ADDRESS`, else the system bus.
        patience: how long the closing handshake may delay the sleep, in seconds. logind waits
            for at most `InhibitDelayMaxSec`, 5 s unless configured.
        retry_every: seconds between two attempts to reach a bus that went away.
        task_status: from `nursery.start()`; started once the lock is held.

    Raises:
        AppStateError: at the start only: jeepney is not installed, there is no bus, logind is
            not on it, or it refuses the lock. Worth retrying unless jeepney is missing. The
            cause is chained.

    Runs until cancelled. A cancel releases the lock, and restores the foreground if this
    function left it. Source: systemd, org.freedesktop.login1(5), and "Inhibitor Locks" on
    systemd.io.
    """
    check(follow_logind, locals())
    need_trio("follow_logind()")
    try:
        from .logind_watch import DelayLock, LogindWatch  # noqa: PLC0415 - the same
        from .system_bus import BusError, open_bus  # noqa: PLC0415 - the extra may not be installed
    except ModuleNotFoundError as error:
        message = f'follow_logind(): {error.name} is not installed: pip install "cometconn[logind]"'
        raise AppStateError(message) from error
    started = followed = False
    with BackgroundGuard(chat) as away:
        while True:
            try:
                async with open_bus(bus) as opened:
                    with DelayLock(opened, who, why) as lock:
                        watch = LogindWatch(chat, opened, lock, away, patience)
                        await watch.begin()
                        followed = True
                        if not started:
                            started = True
                            task_status.started()
                        await watch.run()
            except BusError as error:
                if not started:
                    message = f"systemd-logind cannot be followed: {error}."
                    raise AppStateError(message) from error
                if followed:  # logged once, not at each attempt
                    _LOG.warning("systemd-logind is not followed for now: %s.", error)
                followed = False
            away.end()
            await trio.sleep(retry_every)
