"""`cometconn demo`: every rule of CometChat's page, acted out over real sockets and watched from both ends."""

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

from .acts_auto import background, first_login, network, reopened, talk
from .acts_manual import background_grace, by_request, kept_alive, manual_network, pinged
from .stage import Stage
from .stopping import until_stopped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rich.console import Console

    from cometconn import CometChat

__all__ = ["demo", "run_demo"]

_PATIENCE = 30.0  # seconds an act may take beyond its graces


async def demo(console: Console, grace: float, port: int) -> int:
    """Run the demo until its end or a signal; return the exit status."""
    failed = 0

    async def perform() -> None:
        nonlocal failed
        failed = await run_demo(console, grace, port)

    stopped = await until_stopped(perform)
    if stopped:
        console.print("Stopped before the end.")
    return stopped or min(failed, 1)


async def run_demo(console: Console, grace: float, port: int) -> int:
    """Act, watch, sum up; return how many rules failed."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_emulator(users=("zed-1", "amy-2"), groups={"hikers": ("zed-1", "amy-2")}, port=port) as server:
            stage = Stage(console, server, grace)
            console.print(f"A CometChat server for this demo listens on [bold]{server.url}[/bold].")
            if grace != Timing().background_grace:
                console.print(f"background_grace is {grace:g} s here instead of 30 s; --real-time uses 30.")
            with trio.move_on_after(_PATIENCE + 8 * grace) as limit:
                await _act(stage, pathlib.Path(folder))
            if limit.cancelled_caught:
                stage.tell("demo", "an act did not end in time", "bold red")
        failed = stage.summary()
    verdict = (
        f"[bold red]{failed} rules failed.[/bold red]" if failed else "[bold green]All 18 rules held.[/bold green]"
    )
    console.print(f"\n{verdict}")
    return failed


async def _act(stage: Stage, folder: pathlib.Path) -> None:
    auto_file, manual_file = folder / "auto" / "session.json", folder / "manual" / "session.json"
    stage.act("Auto mode: the library connects by itself")
    async with _client(stage, auto_file, manual=False) as chat:
        await first_login(stage, chat, auto_file)
        await talk(stage, chat)
        await network(stage, chat)
        await background(stage, chat)
    stage.act("The app is opened again")
    since = stage.server.log.position
    async with _client(stage, auto_file, manual=False) as chat:
        await reopened(stage, chat, since)
    stage.act("Manual mode: only connect() connects")
    async with _client(stage, manual_file, manual=True) as chat:
        await by_request(stage, chat)
        await manual_network(stage, chat)
        await background_grace(stage, chat)
        await pinged(stage, chat)
        await kept_alive(stage, chat)


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def _client(stage: Stage, path: pathlib.Path, *, manual: bool) -> AsyncGenerator[CometChat, None]:
    settings = AppSettings(
        subscription_type=SubscriptionType.ALL_USERS,
        timing=Timing(background_grace=stage.grace, retry_base=1.0),
        auto_establish_socket_connection=not manual,
    )
    async with (
        open_nursery() as nursery,
        cometconn.open_client(
            stage.server.world.app_id, settings, store=FileStore(path), endpoints=stage.server.endpoints
        ) as chat,
    ):
        await nursery.start(stage.follow, chat)
        yield chat
