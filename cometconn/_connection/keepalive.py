"""The task that pings the server and judges its silence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import trio

from cometconn._groups import Ungrouped
from cometconn._lifecycle.states import State
from cometconn._lot import sleep_forever
from cometconn._transport.read_turns import wait_read_turn
from cometconn._wire.outgoing import ping_frame
from cometconn.errors import CometConnError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .link import Link, PingWaiter
    from .machine import Machine

__all__ = ["check_silence", "keepalive", "ping_every", "wait_pong"]

_PASSES = 10
"""Passes of Trio's scheduler in which the receive loop gets what the socket holds. One pass polls the socket and one or
two wake the loop up, also through TLS. The others are for streams of an application's own `Environment`."""


async def check_silence(machine: Machine, link: Link) -> None:
    """Let the receive loop read what has arrived by now; if there was nothing, judge whether *link* is lost.

    Only after that may a pong count as missing. This takes no time on the clock but what other tasks need. In a burst to
    many clients the receive loop may wait for its turn to read by then, so this waits for a turn behind it.
    """
    read_at = machine.tick()
    for _ in range(_PASSES):
        await trio.lowlevel.checkpoint()
    await wait_read_turn()
    await trio.lowlevel.checkpoint()  # the turns of one pass come in any order
    machine.judge_silence(link, read_at)


async def wait_pong(machine: Machine, link: Link, waiter: PingWaiter) -> float:
    """Wait for the pong of a `ping()`. Return the round trip in seconds, or raise the error that ended the wait.

    At most `pong_timeout`. If cancelled, the ping is sent all the same.
    """
    with Ungrouped(), waiter:
        with trio.move_on_at(waiter.gives_up_at):
            await waiter.answered.wait()
        if not waiter.answered.is_set():
            await check_silence(machine, link)  # the pong may have come in time and not have been read
        machine.tick()
        return waiter.outcome()


def ping_every(machine: Machine, every: float) -> Callable[[], Awaitable[None]]:
    """Return the loop that pings every so many seconds for the application, until the client is left."""
    return trio.lowlevel.checkpoint if machine.state is State.CLIENT_CLOSED else partial(_ping_every, machine, every)


async def _ping_every(machine: Machine, every: float) -> None:
    while machine.state is not State.CLIENT_CLOSED:
        next_ping = trio.current_time() + every
        try:
            await wait_pong(machine, *machine.ping(ping_frame()))
        except CometConnError:
            await trio.lowlevel.checkpoint()
        with Ungrouped(), trio.move_on_at(next_ping):  # Ctrl-C may come while Trio handles a deadline
            await machine.wait_left()


@trio.lowlevel.enable_ki_protection
async def keepalive(machine: Machine, link: Link) -> None:
    """Ping every `keepalive_interval`, judge silence after each ping, and tick at least every 16 s.

    The pings keep the connection alive, also in the background. They are no sign of life of the app, so they never move
    the lease's deadline. The task begins before the link is authenticated, for the ticks.
    """
    heartbeat = link.heartbeat
    while not link.over:
        now = machine.tick()
        if now >= heartbeat.silent_at:
            await check_silence(machine, link)
            continue
        if now >= heartbeat.next_ping and not link.over:
            heartbeat.keepalive_sent(now)
            link.ping(ping_frame(), now)
            if link.observer is not None:
                link.observer.ping_sent("keepalive")
        with trio.move_on_at(min(heartbeat.next_ping, machine.next_tick)) as link.alarm:
            await sleep_forever()
