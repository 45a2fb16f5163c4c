"""The entry point of the `cometconn` command: it handles Ctrl-C before anything else is imported."""

from __future__ import annotations

# Importing `signal` takes thousands of byte codes, during which Ctrl-C would print a traceback.
import _signal  # type: ignore[import-not-found]
import os
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]


def _leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    # Not an exception: code that runs during imports, also in C, may swallow it.
    del frame
    os._exit(128 + number)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # background jobs of a script ignore it
    _signal.signal(_signal.SIGINT, _leave_at_once)


def main() -> NoReturn:
    """Run the command. Ctrl-C ends it with status 130 and without a traceback, also while it is being imported.

    Outside of Trio the process ends at once, since there is nothing to close. Inside, the command gets a
    `KeyboardInterrupt` or is cancelled (`cometconn.cli.stopping`).
    """
    from cometconn.cli import main as run_command  # noqa: PLC0415 - takes a while

    run_command()
