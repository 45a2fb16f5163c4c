"""The parts of the demo in manual mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn import Connected, Disconnected, Reason, Waiting
from cometconn._groups import open_nursery
from cometconn.emulator import Kind

if TYPE_CHECKING:
    from cometconn import CometChat

    from .demo_run import DemoRun

__all__ = ["background_grace", "by_request", "kept_alive", "manual_network", "pinged"]

_TOLERANCE = 0.25  # seconds that an entry of the server's log may be late on a busy machine


async def by_request(run: DemoRun, chat: CometChat) -> None:
    """P7 and P13: only connect() opens a connection, also after disconnect()."""
    await chat.login(uid="zed-1", auth_key=run.server.world.auth_key)
    since = run.server.log.position
    await trio.sleep(0.5)
    untouched = not run.server.log.of(Kind.CONNECT, since=since)
    await chat.connect()
    opened = run.server.connections("zed-1")
    await chat.disconnect()
    close = await run.server_saw(Kind.CLOSE_IN, since)
    run.check(
        "P7",
        untouched and opened == 1 and close.detail["code"] == 1000,
        "no connection after login(), one after connect(), closed with code 1000 by disconnect()",
    )
    since = run.server.log.position
    chat.enter_background()
    chat.enter_foreground()
    chat.retry_now()
    await trio.sleep(0.5)
    quiet = not run.server.log.of(Kind.CONNECT, since=since)
    await chat.connect()
    run.check(
        "P13",
        quiet and isinstance(chat.status, Connected),
        "enter_background(), enter_foreground() and retry_now() opened none; connect() did",
    )


async def manual_network(run: DemoRun, chat: CometChat) -> None:
    """P12: the network is lost in the foreground."""
    run.print_line("network", "the server resets the connection", "magenta")
    run.server.drop("zed-1", "reset")
    lost = await run.wait_for(chat, Waiting)
    await run.wait_for(chat, Connected)
    run.check("P12", isinstance(lost, Waiting) and run.server.connections("zed-1") == 1, "reconnected by itself")


async def background_grace(run: DemoRun, chat: CometChat) -> None:
    """P8, and P13 again: the background grace passes without a ping."""
    since = run.server.log.position
    run.print_line("app", f"enter_background(), and no ping() for {run.grace:g} s", "magenta")
    began = trio.current_time()
    chat.enter_background()
    alive = isinstance(chat.status, Connected)
    close = await run.server_saw(Kind.CLOSE_IN, since)
    took = close.at - began
    run.check(
        "P8",
        alive and abs(took - run.grace) < _TOLERANCE and _timed_out(chat),
        f"the server got the close frame {took:.3f} s after enter_background()",
    )
    chat.enter_foreground()
    await trio.sleep(0.3)
    run.check("P13", _timed_out(chat), "enter_foreground() did not open it again")
    await chat.connect()


async def pinged(run: DemoRun, chat: CometChat) -> None:
    """P9: the grace is counted from the ping."""
    since = run.server.log.position
    run.print_line("app", "enter_background(), and one ping() in time", "magenta")
    began = trio.current_time()
    chat.enter_background()
    await trio.sleep(run.grace * 2 / 3)
    pinged_at = trio.current_time()
    await chat.ping()
    await trio.sleep_until(began + run.grace * 1.2)
    alive = isinstance(chat.status, Connected)
    close = await run.server_saw(Kind.CLOSE_IN, since)
    took = close.at - pinged_at
    run.check(
        "P9",
        alive and abs(took - run.grace) < _TOLERANCE,
        f"still open after the first grace; closed {took:.3f} s after the ping()",
    )
    chat.enter_foreground()
    await chat.connect()


async def kept_alive(run: DemoRun, chat: CometChat) -> None:
    """P18: a loop of pings keeps the connection open beyond the grace."""
    since = run.server.log.position
    run.print_line("app", f"enter_background(), and keep_alive() for {run.grace * 2.2:.0f} s", "magenta")
    chat.enter_background()
    async with open_nursery() as nursery:
        nursery.start_soon(chat.keep_alive, run.grace * 2 / 3)
        await trio.sleep(run.grace * 2.2)
        nursery.cancel_scope.cancel(reason="cometconn: this part of the demo is over")
    closed = run.server.log.of(Kind.CLOSE_IN, since=since)
    alive = isinstance(chat.status, Connected) and not closed
    run.check("P18", alive, f"still the same connection after {run.grace * 2.2:.1f} s in the background")


def _timed_out(chat: CometChat) -> bool:
    status = chat.status
    return isinstance(status, Disconnected) and status.reason is Reason.BACKGROUND_TIMEOUT
