"""Where the `cometconn` command begins: Ctrl-C is taken care of before anything else is imported."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]


def _leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    # An exception could be swallowed: importing calls code of others, in C too, that catches everything.
    del frame
    os._exit(128 + number)


def main() -> NoReturn:
    """Run the command. Ctrl-C ends it with status 130 and without a traceback, also while it is being imported.

    Where there is nothing to close, that is at once; what runs in Trio gets a `KeyboardInterrupt`
    or is cancelled (`cometconn.cli.stopping`).
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave_at_once)
    from cometconn.cli import main as run_command  # noqa: PLC0415 - takes a while

    run_command()
