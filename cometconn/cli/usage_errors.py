"""What is wrong with a command line, in one line that names the option."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from cyclopts import CoercionError, MissingArgumentError, UnusedCliTokensError

from cometconn._rest.hints import HINTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cyclopts import App, CycloptsError

__all__ = ["OPTIONS", "in_options", "options_of", "usage_text"]

OPTIONS: Mapping[str, str] = {
    "Endpoints.at(url=...)": "--endpoint",
    "open_client(store=...)": "--session",
    "The app id must": "--app-id must",
    "users must be different": "--user must be different",
    "groups: ": "--group: ",
    "The public address": "--public",
    'receiver_type="group"': "--group",
    "auth_key must be the app's auth key": "COMETCONN_AUTH_KEY must be the app's auth key",
    "history(...): user": "--user",
    "history(...): group": "--group",
    "send_media(media=...)": "--file",
    "send_media()": "--file",
    "login(auth_token=...)": "COMETCONN_AUTH_TOKEN",
    "allow_remote=True on a network you trust": "a TLS proxy in front, with --public",
    # Choices that only programs have.
    f" {HINTS['ERR_GUID_NOT_FOUND']}": "",
    f" {HINTS['ERR_UID_NOT_FOUND']}": "",
    HINTS["ERR_GROUP_NOT_JOINED"]: "Only members may do that.",
    ", or allow_insecure=True if tokens may travel in the clear": "",
    ", or set allow_insecure=True there": "",
}
"""What errors of the library name, and the option, if its name is not that of the argument."""

_ARGUMENT = re.compile(
    r"\b[\w.]+\((\w+)=(?:\.\.\.)?\)|\b(?:AppSettings|Endpoints|FleetSettings|Limits|ServerLimits|Timing)\.([a-z_]+)\b"
)

_KINDS: dict[object, str] = {
    bool: "given without a value",
    int: "a whole number",
    float: "a number",
    datetime.datetime: "a date and time such as 2026-03-07T00:10",
}


def usage_text(error: CycloptsError) -> str:
    """Return *error* as one line: cyclopts' own texts name Python's types and its lists."""
    if isinstance(error, UnusedCliTokensError):
        return f"There are too many arguments: {' '.join(error.unused_tokens or ())}."
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        given = [name for name in error.argument.names if name in (error.root_input_tokens or ())]
        return f"{given[0]} needs a value." if given else f"{error.argument.name} is missing; see --help."
    if isinstance(error, CoercionError) and error.token is not None and error.target_type in _KINDS:
        name = error.token.keyword or (error.argument.name if error.argument is not None else "the argument")
        return f"{name} must be {_KINDS[error.target_type]}, not {error.token.value!r}."
    error.verbose = False
    return " ".join(str(error).split())


def options_of(app: App, words: Sequence[str]) -> frozenset[str]:
    """Return the options of the command that *words* call."""
    *_, command = app.parse_commands(words)[1]
    return frozenset(name for argument in command.assemble_argument_collection() for name in argument.names)


def in_options(message: str, options: Collection[str]) -> str:
    """Return an error of the library with the option in place of each argument or attribute that it names.

    Args:
        message: its text. It names `open_client(app_id=...)`, or `AppSettings.region`.
        options: the options of the command. What is none of them and not in `OPTIONS` stays as it is.
    """
    for name, option in OPTIONS.items():
        message = message.replace(name, option)

    def option_of(found: re.Match[str]) -> str:
        name = f"--{(found[1] or found[2]).replace('_', '-')}"
        return name if name in options else found[0]

    return _ARGUMENT.sub(option_of, message)
