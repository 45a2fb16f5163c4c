"""`cometconn demo`: checks every rule of CometChat's page on connections, over real sockets, at both ends."""

from __future__ import annotations

import pathlib
import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio
from rich.markup import escape

import cometconn
from cometconn import AppSettings, FileStore, SubscriptionType, Timing
from cometconn._groups import open_nursery, protected
from cometconn.emulator import open_emulator

from .demo_auto import background, events_and_ping, first_login, network, reopened
from .demo_manual import background_grace, by_request, kept_alive, manual_network, pinged
from .demo_run import DemoRun
from .stopping import until_stopped
from .terminal import wrapped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rich.console import Console

    from cometconn import CometChat

__all__ = ["NEXT_STEPS", "demo", "run_demo"]

NEXT_STEPS = {
    "Next, start such a server for your own programs:": "cometconn serve",
    "In two more terminals, set:": (
        "export COMETCONN_ENDPOINT=http://127.0.0.1:9000 COMETCONN_APP_ID=APP COMETCONN_AUTH_KEY=KEY"
    ),
    "In one of them, print what Amy receives:": "cometconn listen --uid amy-2 --session amy.json",
    "In the other, send her a message as Zed:": "cometconn send --uid zed-1 --session zed.json amy-2 hello",
}
"""Each step with its command."""

_TIMEOUT = 30.0  # seconds, beside the waiting for `background_grace` to pass


async def demo(console: Console, grace: float, port: int) -> int:
    """Run the demo to its end, or until SIGINT or SIGTERM; return the exit status."""
    failed = 0

    async def run_all() -> None:
        nonlocal failed
        failed = await run_demo(console, grace, port)

    stopped = await until_stopped(run_all)
    if stopped:
        console.print("Stopped before the end.")
    return stopped or min(failed, 1)


async def run_demo(console: Console, grace: float, port: int) -> int:
    """Run all parts and print the summary; return how many rules failed."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_emulator(users=("zed-1", "amy-2"), groups={"hikers": ("zed-1", "amy-2")}, port=port) as server:
            run = DemoRun(console, server, grace)
            run.print_text(
                "CometChat's documentation describes when a client is connected, on its page Connection Behaviour. "
                "P1 to P18 are the 18 rules of that page. The demo runs a CometChat server on this machine, at "
                f"{server.url}, and checks every rule at both ends of the connection. "
                "A line with P14 ✓ reports that rule P14 held."
            )
            if grace != Timing().background_grace:
                console.print()
                run.print_text(
                    f"A connection may stay open in the background for {grace:g} s here; --real-time uses CometChat's 30 s."
                )
            with trio.move_on_after(_TIMEOUT + 8 * grace) as limit:
                await _run_parts(run, pathlib.Path(folder))
            if limit.cancelled_caught:
                run.print_line("demo", "a part did not end in time", "bold red")
        failed = run.summary()
    console.print()
    if failed:
        run.print_text("1 rule failed." if failed == 1 else f"{failed} rules failed.", "bold red")
    else:
        run.print_text("All 18 rules held.", "bold green")
        _print_next_steps(run)
    return failed


def _print_next_steps(run: DemoRun) -> None:
    for text, command in NEXT_STEPS.items():
        run.heading(text)
        lines = wrapped(command, run.console.width - 2, lead=2)
        run.console.print(escape("  " + lines.replace("\n", " \\\n")))  # the shell reads this as one line
    run.console.print()
    run.print_text("The tutorial, docs/tutorial.md in the source, goes on from there to a bot that survives outages.")


async def _run_parts(run: DemoRun, folder: pathlib.Path) -> None:
    auto_file, manual_file = folder / "auto" / "session.json", folder / "manual" / "session.json"
    run.heading("Auto mode: the library connects by itself")
    async with _client(run, auto_file, manual=False) as chat:
        await first_login(run, chat, auto_file)
        await events_and_ping(run, chat)
        await network(run, chat)
        await background(run, chat)
    run.heading("The app starts again: it connects without a login")
    since = run.server.log.position
    async with _client(run, auto_file, manual=False) as chat:
        await reopened(run, chat, since)
    run.heading("Manual mode: only connect() connects")
    async with _client(run, manual_file, manual=True) as chat:
        await by_request(run, chat)
        await manual_network(run, chat)
        await background_grace(run, chat)
        await pinged(run, chat)
        await kept_alive(run, chat)


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def _client(run: DemoRun, path: pathlib.Path, *, manual: bool) -> AsyncGenerator[CometChat, None]:
    settings = AppSettings(
        subscription_type=SubscriptionType.ALL_USERS,
        timing=Timing(background_grace=run.grace, retry_base=1.0),
        auto_establish_socket_connection=not manual,
    )
    async with (
        open_nursery() as nursery,
        cometconn.open_client(
            run.server.world.app_id, settings, store=FileStore(path), endpoints=run.server.endpoints
        ) as chat,
    ):
        await nursery.start(run.print_statuses, chat)
        yield chat
