"""Where the `cometconn` command begins: Ctrl-C is taken care of before anything else is imported."""

from __future__ import annotations

# The module `signal` would be imported first, and take Python thousands of steps.
import _signal  # type: ignore[import-not-found]
import os
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]


def _leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    # An exception could be swallowed: importing calls code of others, in C too, that catches everything.
    del frame
    os._exit(128 + number)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # a script in the background has it ignored
    _signal.signal(_signal.SIGINT, _leave_at_once)


def main() -> NoReturn:
    """Run the command. Ctrl-C ends it with status 130 and without a traceback, also while it is being imported.

    Where there is nothing to close, that is at once; what runs in Trio gets a `KeyboardInterrupt`
    or is cancelled (`cometconn.cli.stopping`).
    """
    from cometconn.cli import main as run_command  # noqa: PLC0415 - takes a while

    run_command()
