"""The `cometconn` command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, TextIO

from cometconn.errors import CometConnError

__all__ = ["main"]

_STOPPED = frozenset({130, 143})
_READER_LEFT = 141  # as a shell reports a program that SIGPIPE has ended


def main() -> NoReturn:
    """Run the command line: an error is one line on standard error, and no traceback.

    The exit status is 1 for an error of the command, 2 for a command line that cannot be read, and 141, without a
    message, if the reader of the output has left, as in `| head -1`.
    """
    try:
        status = _run()
        if status not in _STOPPED and sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # of the output: the library reports connections that break by errors of its own
        status = _READER_LEFT
        _drop(sys.stderr)
        _drop(sys.stdout)
    except OSError as error:
        status = f"cometconn: The output cannot be written: {error.strerror}."
        _drop(sys.stdout)
    if status in _STOPPED:
        _drop(sys.stdout)
    sys.exit(status)


def _run() -> str | int | None:
    """Run the command; return its exit status, or the line to print for status 1."""
    try:
        from cyclopts import CycloptsError  # noqa: PLC0415 - the extra may not be installed

        from .app import app  # noqa: PLC0415
        from .terminal import TerminalConsole, learn_environment_secrets, safe_text  # noqa: PLC0415
        from .usage_errors import in_options, options_of, usage_text  # noqa: PLC0415
    except ModuleNotFoundError as error:
        return f'cometconn: {error.name} is not installed: pip install "cometconn[cli,emulator]"'
    learn_environment_secrets()
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False, console=TerminalConsole())
    except SystemExit as leaving:
        return leaving.code
    except CycloptsError as error:
        print(f"cometconn: {safe_text(usage_text(error))}", file=sys.stderr)  # noqa: T201 - a program's output
        return 2
    except BrokenPipeError:
        raise
    except (CometConnError, OSError, ImportError) as error:  # a command may need an extra
        text: object = error
        if isinstance(error, CometConnError):
            text = in_options(str(error), options_of(app, sys.argv[1:]))
        elif isinstance(error, ImportError):
            text = error.__cause__ or error  # cyclopts imports `serve`, and chains the reason
        return f"cometconn: {safe_text(text)}"
    except KeyboardInterrupt:
        return 130
    return 0


def _drop(stream: TextIO) -> None:
    """Discard what *stream* holds: at exit Python would write it to a reader that may have left, or may not read."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
