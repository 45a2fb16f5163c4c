"""Performs a script of lifecycle events with a real client, in virtual time."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import trio
import trio.testing

from cometconn import AppSettings
from cometconn._groups import open_nursery

from .memory_server import open_memory_server
from .script_report import Step as Step
from .script_report import Transcript as Transcript
from .script_runner import App as App
from .script_runner import ScriptRunner

if TYPE_CHECKING:
    from .actions import Script

__all__ = ["App", "Step", "Transcript", "play", "run_script"]


def play(script: Script, settings: AppSettings | None = None, *, app: App | None = None) -> Transcript:
    """Run a script in virtual time, from ordinary code. See `run_script()`."""
    run = functools.partial(run_script, script, settings, app=app)
    return trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


async def run_script(script: Script, settings: AppSettings | None = None, *, app: App | None = None) -> Transcript:
    """Perform a script with a client of its own against a server in memory, and tell what was seen.

    REST is reached whatever the network's mood (`Dialling`): what becomes of it is said by `RestAnswers`, `RestDelay`
    and `ForgetTokens`. Jitter is always in the middle of its window. Wants a `trio.testing.MockClock` with autojump; `play()` brings one.

    Args:
        script: what happens.
        settings: the client's.
        app: an application under test, run beside every life of the client. What it raises comes out.

    Returns:
        What was seen, step by step.
    """
    async with open_memory_server(users=("zed-1", "amy-2", "bob-3")) as server:
        steps = []
        async with open_nursery() as nursery:
            stage = ScriptRunner(server, settings or AppSettings(), app, nursery)
            try:
                await stage.open()
                for number, action in enumerate(script):
                    steps.append(await stage.step(number, action))
            finally:
                await stage.close()  # bounded: leaving the client is
            nursery.cancel_scope.cancel(reason="the script is over")
    if stage.failure is not None:
        raise stage.failure
    return stage.transcript(steps)
