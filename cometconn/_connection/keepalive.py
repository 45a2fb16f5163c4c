"""The task that pings the server and listens for its silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn._lot import at_any_time
from cometconn._wire.frames import ping_frame

if TYPE_CHECKING:
    from .link import Link
    from .machine import Machine

__all__ = ["keepalive"]


@trio.lowlevel.enable_ki_protection
async def keepalive(machine: Machine, link: Link) -> None:
    """Ping every `keepalive_interval`, and tick when silence after any ping means loss, and for a look at the clocks.

    It keeps the server's end alive, in the background too; it is no sign of life of the
    app, so it never moves the lease's deadline. It is there before there is anything to keep alive, for the looks.
    """
    pulse = link.heartbeat
    while not link.over:
        now = machine.tick()
        if now >= pulse.next_ping and not link.over:
            pulse.keepalive_sent(now)
            link.ping(ping_frame(), now)
            if link.witness is not None:
                link.witness.ping_sent("keepalive")
        with trio.move_on_at(min(pulse.next_ping, machine.next_tick)) as link.alarm:
            await trio.lowlevel.wait_task_rescheduled(at_any_time)
