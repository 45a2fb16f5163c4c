"""The subcommands and their options."""

from __future__ import annotations

import sys
from typing import Annotated

import trio
from cyclopts import App, Parameter
from rich.console import Console

from cometconn._version import version

from .demo import run_demo

__all__ = ["app"]

app: App = App(name="cometconn", help="CometChat connections for Trio.", version=version)


@app.command
def demo(
    *,
    real_time: Annotated[bool, Parameter(help="Use CometChat's 30 s of background grace instead of 3 s.")] = False,
    port: Annotated[int, Parameter(help="Port of the local server; 0 picks a free one.")] = 0,
) -> None:
    """Start a CometChat server on this machine and show every rule of the connection at work."""
    console = Console(highlight=False, soft_wrap=True)
    failed = trio.run(run_demo, console, 30.0 if real_time else 3.0, port)
    sys.exit(1 if failed else 0)
