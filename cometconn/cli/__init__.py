"""The `cometconn` command."""

from __future__ import annotations

import sys
from typing import NoReturn

from cometconn.errors import CometConnError

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line: one clear line for what goes wrong, no traceback."""
    try:
        from .app import app  # noqa: PLC0415 - the extra may not be installed
        from .shown import learn_environment, shown  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.exit(f'cometconn: {error.name} is not installed: pip install "cometconn[cli,emulator]"')
    learn_environment()
    try:
        app()
    except (CometConnError, OSError) as error:
        sys.exit(f"cometconn: {shown(error)}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
