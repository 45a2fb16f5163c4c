"""The demo's acts in manual mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn import Connected, Disconnected, Reason, Waiting
from cometconn._groups import open_nursery
from cometconn.emulator import Kind

if TYPE_CHECKING:
    from cometconn import CometChat

    from .stage import Stage

__all__ = ["background_grace", "by_request", "kept_alive", "manual_network", "pinged"]

_TOLERANCE = 0.25  # seconds between our clock and the server's log on a busy machine


async def by_request(stage: Stage, chat: CometChat) -> None:
    """P7 and P13: nothing opens but connect(), nothing undoes disconnect()."""
    await chat.login(uid="zed-1", auth_key=stage.server.world.auth_key)
    since = stage.server.log.position
    await trio.sleep(0.5)
    untouched = not stage.server.log.of(Kind.CONNECT, since=since)
    await chat.connect()
    opened = stage.server.connections("zed-1")
    await chat.disconnect()
    close = await stage.server_saw(Kind.CLOSE_IN, since)
    stage.check(
        "P7",
        untouched and opened == 1 and close.detail["code"] == 1000,
        "no socket after login(); one after connect(); closed with 1000 by disconnect()",
    )
    since = stage.server.log.position
    chat.enter_background()
    chat.enter_foreground()
    chat.retry_now()
    await trio.sleep(0.5)
    quiet = not stage.server.log.of(Kind.CONNECT, since=since)
    await chat.connect()
    stage.check(
        "P13",
        quiet and isinstance(chat.status, Connected),
        "background, foreground and retry_now() opened nothing; connect() did",
    )


async def manual_network(stage: Stage, chat: CometChat) -> None:
    """P12: lost in the foreground."""
    stage.tell("network", "the server resets the connection", "magenta")
    stage.server.drop("zed-1", "reset")
    lost = await stage.wait_for(chat, Waiting)
    await stage.wait_for(chat, Connected)
    stage.check(
        "P12", isinstance(lost, Waiting) and stage.server.connections("zed-1") == 1, "connected again by itself"
    )


async def background_grace(stage: Stage, chat: CometChat) -> None:
    """P8, and P13 after the timeout."""
    since = stage.server.log.position
    stage.tell("app", f"enter_background(), and no ping() for {stage.grace:g} s", "magenta")
    began = trio.current_time()
    chat.enter_background()
    alive = isinstance(chat.status, Connected)
    close = await stage.server_saw(Kind.CLOSE_IN, since)
    took = close.at - began
    stage.check(
        "P8",
        alive and abs(took - stage.grace) < _TOLERANCE and _timed_out(chat),
        f"the server saw the close frame {took:.3f} s after enter_background()",
    )
    chat.enter_foreground()
    await trio.sleep(0.3)
    stage.check("P13", _timed_out(chat), "the foreground did not bring it back")
    await chat.connect()


async def pinged(stage: Stage, chat: CometChat) -> None:
    """P9: the grace counts from the ping."""
    since = stage.server.log.position
    stage.tell("app", "enter_background(), and one ping() in time", "magenta")
    began = trio.current_time()
    chat.enter_background()
    await trio.sleep(stage.grace * 2 / 3)
    pinged_at = trio.current_time()
    await chat.ping()
    await trio.sleep_until(began + stage.grace * 1.2)
    alive = isinstance(chat.status, Connected)
    close = await stage.server_saw(Kind.CLOSE_IN, since)
    took = close.at - pinged_at
    stage.check(
        "P9",
        alive and abs(took - stage.grace) < _TOLERANCE,
        f"alive after the first grace; closed {took:.3f} s after the ping()",
    )
    chat.enter_foreground()
    await chat.connect()


async def kept_alive(stage: Stage, chat: CometChat) -> None:
    """P18: a loop of pings outlives the grace."""
    since = stage.server.log.position
    stage.tell("app", f"enter_background(), and keep_alive() for {stage.grace * 2.2:.0f} s", "magenta")
    chat.enter_background()
    async with open_nursery() as nursery:
        nursery.start_soon(chat.keep_alive, stage.grace * 2 / 3)
        await trio.sleep(stage.grace * 2.2)
        nursery.cancel_scope.cancel(reason="the act is over")
    closed = stage.server.log.of(Kind.CLOSE_IN, since=since)
    alive = isinstance(chat.status, Connected) and not closed
    stage.check("P18", alive, f"still the same socket after {stage.grace * 2.2:.1f} s in the background")


def _timed_out(chat: CometChat) -> bool:
    status = chat.status
    return isinstance(status, Disconnected) and status.reason is Reason.BACKGROUND_TIMEOUT
