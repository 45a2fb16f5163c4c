"""Runs a script of lifecycle events with a real client, in virtual time."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import trio
import trio.testing

from cometconn import AppSettings
from cometconn._arguments import checked
from cometconn._groups import open_nursery
from cometconn._modules import public_names

from .memory_server import open_memory_server
from .script_report import Step as Step
from .script_report import Transcript as Transcript
from .script_runner import App as App
from .script_runner import ScriptRunner

if TYPE_CHECKING:
    from .actions import Script

__all__ = ["App", "Step", "Transcript", "play", "run_script"]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)


@checked
def play(script: Script, settings: AppSettings | None = None, *, app: App | None = None) -> Transcript:
    """Run a script in virtual time, from synchronous code. See `run_script()`."""
    run = functools.partial(run_script, script, settings, app=app)
    return trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


@checked
async def run_script(script: Script, settings: AppSettings | None = None, *, app: App | None = None) -> Transcript:
    """Run a script with a client of its own against a server in memory, and return what was seen.

    REST requests reach the server whatever `Dialling` is: `RestAnswers`, `RestDelay` and `ForgetTokens` control the
    responses. Jitter is always in the middle of its range. It needs a `trio.testing.MockClock` with autojump; `play()`
    provides one.

    Args:
        script: the actions.
        settings: the client's settings.
        app: an application under test. It is started whenever the script opens a client, and cancelled when that is
            left. An exception that it raises is raised here.

    Returns:
        What was seen, step by step.
    """
    async with open_memory_server(users=("zed-1", "amy-2", "bob-3")) as server:
        steps = []
        async with open_nursery() as nursery:
            runner = ScriptRunner(server, settings or AppSettings(), app, nursery)
            try:
                await runner.open()
                for number, action in enumerate(script):
                    steps.append(await runner.step(number, action))
            finally:
                await runner.close()  # bounded, because leaving a client is
            nursery.cancel_scope.cancel(reason="the script is over")
    if runner.failure is not None:
        raise runner.failure
    return runner.transcript(steps)
