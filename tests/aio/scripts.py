"""Runs a script of lifecycle events with the client of `cometconn.aio`, in virtual time."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import trio

from cometconn import AppSettings
from cometconn.testing import open_memory_server
from cometconn.testing.script_runner import ScriptRunner

from .face import open_client
from .virtual_time import VirtualLoop, run_in_trio, run_virtual

if TYPE_CHECKING:
    from cometconn.testing.actions import Script
    from cometconn.testing.script_report import Transcript

__all__ = ["play"]


def play(script: Script, settings: AppSettings | None = None) -> Transcript:
    """Run a script through asyncio, from synchronous code. See `cometconn.testing.scripts.play()`."""

    async def main(loop: VirtualLoop) -> Transcript:
        return await run_in_trio(functools.partial(_run, loop, script, settings or AppSettings()))

    return run_virtual(main)


async def _run(loop: VirtualLoop, script: Script, settings: AppSettings) -> Transcript:
    async with (
        open_memory_server(users=("zed-1", "amy-2", "bob-3")) as server,
        trio.open_nursery() as nursery,
    ):
        runner = ScriptRunner(server, settings, None, nursery, open_client=open_client, settle=loop.settle_trio)
        await runner.run(script)
    return runner.transcript()
