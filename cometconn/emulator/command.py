"""`python -m cometconn.emulator`: the server without the rest of the command line, which takes a second to import."""

from __future__ import annotations

import argparse
import os
import re
import sys
import typing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import attrs
import trio

from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import CometConnError

from .limits import ServerLimits
from .serving import ServeOptions, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_O = TypeVar("_O", ServeOptions, ServerLimits)

_READER_LEFT: Final = 141
"""The exit status if the reader of the output has left, as a shell reports a program that SIGPIPE has ended."""

_WORDS: Final = {
    "users must be different": "--user must be different",
    "groups: ": "--group: ",
    "The public address": "--public",
    "allow_remote=True on a network you trust": "a TLS proxy in front, with --public",
}
"""What errors of the library name, and the option, if its name is not that of the argument."""

_ARGUMENT: Final = re.compile(r"\bopen_emulator\((\w+)=(?:\.\.\.)?\)|\bServerLimits\.([a-z_]+)\b")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as those of `cometconn`."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "cometconn.emulator",
        description="Run a CometChat server on this machine, for programs in any language, until Ctrl-C or SIGTERM. "
        "Prints one line of JSON with its addresses when it is ready. Without --user and --users, the users are zed-1 and "
        "amy-2; without --group, all users are in the group hikers.",
        allow_abbrev=False,
    )
    for options in (ServeOptions, ServerLimits):
        types = typing.get_type_hints(options)
        for field in attrs.fields(options):
            parser.add_argument(
                f"--{field.name.replace('_', '-')}",
                help=field.metadata["help"] + (f" [default: {field.default}]" if field.default else ""),
                **_action(types[field.name], field.default),
            )
    return parser


def _action(annotation: Any, default: object) -> dict[str, Any]:
    """Return how an option is read: its type is that of the attribute."""
    if annotation is bool:
        return {"action": "store_true"}
    shown = {"metavar": "N"} if int in {annotation, *typing.get_args(annotation)} else {"metavar": "TEXT"}
    if typing.get_origin(annotation) is tuple:
        return {**shown, "action": "append", "default": []}
    kinds = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not type(None)]
    return {**shown, "type": kinds[0], "default": default}


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Serve until a signal; exit with 0, with 1 and one line for an error, and with 2 for a bad command line."""
    given = vars(_parser().parse_args(words))
    options = _made(ServeOptions, given)
    secrets = KnownSecrets(*options.secrets)
    try:
        trio.run(partial(serve, options, _made(ServerLimits, given)))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise Python writes to it at exit
        sys.exit(_READER_LEFT)
    except CometConnError as error:
        sys.exit(f"cometconn.emulator: {secrets.masked(_with_options(error.message))}")
    except OSError as error:
        sys.exit(f"cometconn.emulator: {secrets.masked(error)}")
    sys.exit(0)


def _made(kind: type[_O], given: dict[str, Any]) -> _O:
    """Return the options of one class: those that may be repeated are tuples there, and lists in argparse."""
    values: dict[str, Any] = {}
    for field in attrs.fields(kind):
        value = given[field.name]
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _with_options(message: str) -> str:
    """Return an error of the library with the option in place of each argument that it names."""
    for name, option in _WORDS.items():
        message = message.replace(name, option)
    return _ARGUMENT.sub(lambda found: f"--{(found[1] or found[2]).replace('_', '-')}", message)
