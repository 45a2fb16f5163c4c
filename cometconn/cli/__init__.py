"""The `cometconn` command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cometconn.errors import CometConnError

__all__ = ["main"]

_STOPPED = frozenset({130, 143})


def main() -> NoReturn:
    """Run the command line: one clear line for what goes wrong, no traceback."""
    try:
        from .app import app  # noqa: PLC0415 - the extra may not be installed
        from .terminal import learn_environment_secrets, safe_text  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.exit(f'cometconn: {error.name} is not installed: pip install "cometconn[cli,emulator]"')
    learn_environment_secrets()
    status: str | int | None = 0
    try:
        app()
    except SystemExit as leaving:
        status = leaving.code
    except (CometConnError, OSError) as error:
        status = f"cometconn: {safe_text(error)}"
    except KeyboardInterrupt:
        status = 130
    if status in _STOPPED:
        _drop_output()
    sys.exit(status)


def _drop_output() -> None:
    """Drop what is left in the buffer: Python would write it to a reader that may be gone, or not read."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
