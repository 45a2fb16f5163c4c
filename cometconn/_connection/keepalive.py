"""The task that pings the server and listens for its silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn._groups import Ungrouped
from cometconn._lot import at_any_time
from cometconn._wire.outgoing import ping_frame

if TYPE_CHECKING:
    from .link import Link, PingWaiter
    from .machine import Machine

__all__ = ["keepalive", "look", "wait_pong"]

_PASSES = 10
"""Passes of Trio's scheduler in which the receive loop gets what the socket holds: one asks the socket, one or two wake
the loop up, through TLS as well. The others are for streams of an application's own `Environment`."""


async def look(machine: Machine, link: Link) -> None:
    """Give the receive loop time to read what has arrived by now, and judge silence if there was nothing.

    Only after that may a time that is over count. It takes no time by the clock, but for what other tasks take.
    """
    read_at = machine.tick()
    for _ in range(_PASSES):
        await trio.lowlevel.checkpoint()
    machine.judge_silence(link, read_at)


async def wait_pong(machine: Machine, link: Link, waiter: PingWaiter) -> float:
    """Wait for the pong of a call of `ping()`; return the round trip, or raise what came instead."""
    with Ungrouped(), waiter:
        with trio.move_on_at(waiter.gives_up_at):
            await waiter.answered.wait()
        if not waiter.answered.is_set():
            await look(machine, link)  # the pong may have come in time, and lie unread
        machine.tick()
        return waiter.outcome()


@trio.lowlevel.enable_ki_protection
async def keepalive(machine: Machine, link: Link) -> None:
    """Ping every `keepalive_interval`, look for the answer when a ping's time is over, and tick for a look at the clocks.

    It keeps the server's end alive, in the background too; it is no sign of life of the
    app, so it never moves the lease's deadline. It is there before there is anything to keep alive, for the looks.
    """
    pulse = link.heartbeat
    while not link.over:
        now = machine.tick()
        if now >= pulse.silent_at:
            await look(machine, link)
            continue
        if now >= pulse.next_ping and not link.over:
            pulse.keepalive_sent(now)
            link.ping(ping_frame(), now)
            if link.observer is not None:
                link.observer.ping_sent("keepalive")
        with trio.move_on_at(min(pulse.next_ping, machine.next_tick)) as link.alarm:
            await trio.lowlevel.wait_task_rescheduled(at_any_time)
