"""The parts of the demo in auto mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from cometconn import AppSettings, Connected, ConnectionState, Disconnected, Reason, Waiting
from cometconn.emulator import Kind
from cometconn.errors import ApiError, NotLoggedInError
from cometconn.events import Gap, TextMessage

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from cometconn import CometChat

    from .demo_run import DemoRun

__all__ = ["background", "events_and_ping", "first_login", "network", "reopened"]


async def first_login(run: DemoRun, chat: CometChat, path: pathlib.Path) -> None:
    """P14, P16, P1, P3, P4 and P17: connect() without a login, a wrong key, the first login."""
    try:
        await chat.connect()
        refused = "no error"
    except NotLoggedInError as error:
        refused = error.code
    logged_out = chat.get_logged_in_user() is None
    run.check("P14", refused == "ERROR_USER_NOT_LOGGED_IN" and logged_out, f"connect() before login: {refused}")
    try:
        await chat.login(uid="zed-1", auth_key="a-wrong-key")
        run.check("P16", held=False, observation="the server accepted a wrong key")
    except ApiError as error:
        reason = error.message.rpartition(": ")[2]
        run.check("P16", error.code in reason, f"login with a wrong key: {reason}")
    since = run.server.log.position
    user = await chat.login(uid="zed-1", auth_key=run.server.world.auth_key)
    opened = await run.server_saw(Kind.UPGRADE, since)
    mode = path.stat().st_mode & 0o777
    run.check(
        "P1",
        path.exists() and opened.detail["status"] == 101,
        f"{user.name} is saved (file mode {mode:o}), and the WebSocket is open",
    )
    await run.wait_for(chat, Connected)
    auto = AppSettings(region="us").auto_establish_socket_connection
    run.check("P3", auto, "connected without choosing a mode and without a call of connect()")
    live = run.server.connections("zed-1")
    run.check("P4", live == 1, f"the server has {live} authenticated connection in the foreground")
    frames = [entry.detail.get("frame", {}) for entry in run.server.log.of(Kind.FRAME_IN, since=since)]
    auth: Mapping[str, Any] = next((frame for frame in frames if frame.get("type") == "auth"), {})
    presence = auth.get("body", {}).get("presenceSubscription")
    run.check(
        "P17",
        auth.get("appId") == run.server.world.app_id and presence == "ALL_USERS",
        f"the auth frame holds app {auth.get('appId')} and presence {presence}",
    )


async def events_and_ping(run: DemoRun, chat: CometChat) -> None:
    """P15 and P10: a message to the user, one to the group, and a ping."""
    async with chat.events(TextMessage) as events:
        run.server.say("amy-2", "are you there?", receiver="zed-1")
        run.server.say("amy-2", "who comes along?", group="hikers")
        texts = []
        for _ in range(2):
            event = await anext(events)
            assert isinstance(event, TextMessage), event
            texts.append(event.text)
            run.print_line("client", f"message from {event.sender.name}: {event.text}", "blue")
    run.check(
        "P15",
        texts == ["are you there?", "who comes along?"],
        "received a message to the user and one to a group, in order",
    )
    since = run.server.log.position
    round_trip = await chat.ping()
    frames = [entry.detail.get("frame") for entry in run.server.log.of(Kind.FRAME_IN, since=since)]
    run.check(
        "P10",
        {"action": "ping", "ack": "true"} in frames,
        f"the server received the ping frame; round trip {round_trip * 1000:.1f} ms",
    )


async def network(run: DemoRun, chat: CometChat) -> None:
    """P6: the network is lost, and comes back."""
    async with chat.events(TextMessage) as events:
        run.print_line("network", "lost: connections are reset and refused", "magenta")
        run.server.refuse_connections()
        run.server.drop("zed-1", "reset")
        waiting = await run.wait_for(chat, Waiting)
        await trio.sleep(0.5)
        run.print_line("network", "back", "magenta")
        run.server.accept_connections()
        await run.wait_for(chat, Connected)
        gap = await anext(events)
        missing = gap.until - gap.since if isinstance(gap, Gap) else 0.0
    live = run.server.connections("zed-1")
    run.check(
        "P6",
        live == 1 and isinstance(waiting, Waiting) and isinstance(gap, Gap),
        f"reconnected by itself; a Gap event reports {missing:.1f} s without a connection",
    )


async def background(run: DemoRun, chat: CometChat) -> None:
    """P5 and P11, and P4 and P15 again: into the background and back."""
    since = run.server.log.position
    run.print_line("app", "enter_background()", "magenta")
    began = trio.current_time()
    chat.enter_background()
    status = chat.status
    at_once = isinstance(status, Disconnected) and status.reason is Reason.IN_BACKGROUND
    close = await run.server_saw(Kind.CLOSE_IN, since)
    late = (close.at - began) * 1000
    run.check(
        "P5",
        at_once and close.detail["code"] == 1000,
        f"disconnected when enter_background() returned; the server got the close frame {late:.1f} ms later",
    )
    await run.server.wait_gone("zed-1")
    async with chat.events(TextMessage) as events:
        run.server.say("amy-2", "you will miss this", receiver="zed-1")
        await trio.sleep(0.3)
        run.print_line("app", "enter_foreground()", "magenta")
        chat.enter_foreground()
        await run.wait_for(chat, Connected)
        run.server.say("amy-2", "welcome back", receiver="zed-1")
        first, second = await anext(events), await anext(events)
    received = second.text if isinstance(second, TextMessage) else repr(second)
    run.check(
        "P11",
        isinstance(first, Gap) and received == "welcome back",
        "the message sent meanwhile did not arrive; a Gap event reports that some may be missing",
    )
    run.check("P4", run.server.connections("zed-1") == 1, "the same after enter_foreground()")
    run.check("P15", received == "welcome back", "no events while disconnected")


async def reopened(run: DemoRun, chat: CometChat, since: int) -> None:
    """P2: the saved session connects without a login."""
    user = chat.get_logged_in_user()
    await run.wait_for(chat, Connected)
    requests = len(run.server.log.of(Kind.REST, since=since))
    connected = chat.status.state is ConnectionState.CONNECTED
    run.check(
        "P2",
        connected and user and requests == 0,
        f"{user.name if user else 'no user'} is connected again, with {requests} REST requests",
    )
