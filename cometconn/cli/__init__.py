"""The `cometconn` command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cometconn.errors import CometConnError

__all__ = ["main"]

_STOPPED = frozenset({130, 143})


def main() -> NoReturn:
    """Run the command line: an error is one line on standard error, and no traceback.

    The exit status is 1 for an error of the command and 2 for a command line that cannot be read.
    """
    try:
        from cyclopts import CycloptsError  # noqa: PLC0415 - the extra may not be installed

        from .app import app  # noqa: PLC0415
        from .terminal import learn_environment_secrets, safe_text  # noqa: PLC0415
        from .usage_errors import usage_text  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.exit(f'cometconn: {error.name} is not installed: pip install "cometconn[cli,emulator]"')
    learn_environment_secrets()
    status: str | int | None = 0
    try:
        app(exit_on_error=False, print_error=False)
    except SystemExit as leaving:
        status = leaving.code
    except CycloptsError as error:
        print(f"cometconn: {safe_text(usage_text(error))}", file=sys.stderr)  # noqa: T201 - a program's output
        status = 2
    except (CometConnError, OSError) as error:
        status = f"cometconn: {safe_text(error)}"
    except KeyboardInterrupt:
        status = 130
    if status in _STOPPED:
        _drop_output()
    sys.exit(status)


def _drop_output() -> None:
    """Discard buffered output: at exit Python would write it to a reader that may have left, or may not read."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
