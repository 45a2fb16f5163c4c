"""`cometconn demo`: checks every rule of CometChat's page on connections, over real sockets, at both ends."""

from __future__ import annotations

import pathlib
import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

import cometconn
from cometconn import AppSettings, FileStore, SubscriptionType, Timing
from cometconn._groups import open_nursery, protected
from cometconn.emulator import open_emulator

from .demo_auto import background, events_and_ping, first_login, network, reopened
from .demo_manual import background_grace, by_request, kept_alive, manual_network, pinged
from .demo_run import DemoRun
from .stopping import until_stopped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rich.console import Console

    from cometconn import CometChat

__all__ = ["demo", "run_demo"]

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
            console.print(f"A CometChat server runs on this machine for the demo, at [bold]{server.url}[/bold].")
            if grace != Timing().background_grace:
                console.print(
                    f"A connection may stay open in the background for {grace:g} s here; --real-time uses CometChat's 30 s."
                )
            console.print("Each ✓ is a rule (P1 to P18) that was seen to hold; the summary at the end names them.")
            with trio.move_on_after(_TIMEOUT + 8 * grace) as limit:
                await _run_parts(run, pathlib.Path(folder))
            if limit.cancelled_caught:
                run.print_line("demo", "a part did not end in time", "bold red")
        failed = run.summary()
    verdict = (
        f"[bold red]{failed} rules failed.[/bold red]" if failed else "[bold green]All 18 rules held.[/bold green]"
    )
    console.print(f"\n{verdict}")
    return failed


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
