"""Text for the terminal: secrets are masked, control characters are escaped, and lines are broken between words."""

from __future__ import annotations

import datetime
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final, NoReturn

import trio
from rich.console import Console

from cometconn._text.foreign_text import KnownSecrets
from cometconn._transport.proxy import read_proxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cometconn import CometChat

__all__ = [
    "SECRETS",
    "TerminalConsole",
    "json_line",
    "learn_client_secrets",
    "learn_environment_secrets",
    "print_news",
    "safe_text",
    "wrapped",
    "write_lines",
]

SECRETS: Final = KnownSecrets()
"""The secrets to mask: from the environment, from files, from the prompt, and those of the client."""

_VARIABLES = (
    "COMETCONN_AUTH_KEY",
    "COMETCONN_AUTH_TOKEN",
    "COMETCONN_CLIENT_KEY_PASSWORD",
    "COMETCONN_FORWARD_AUTH",
)
_WRITERS = trio.CapacityLimiter(1)  # writes one after the other
_PROXIES = ("COMETCONN_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


class TerminalConsole(Console):
    """A console that raises `BrokenPipeError` when the reader of the output has left; rich would exit with status 1."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error, which `main()` turns into the exit status."""
        raise BrokenPipeError


def wrapped(text: str, width: int, lead: int = 0) -> str:
    """Return *text* broken between words into lines of at most *width* columns.

    Every line begins in column *lead*, and the first line without the *lead* columns, for what is printed there. If
    they take half of the width or more, or a word has no room there, the text begins on a line of its own.
    """
    beside = 2 * lead < width and max(map(len, text.split()), default=0) <= width - lead
    indent = " " * (lead if beside else 4)
    lines = textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines[lead:] if beside else f"\n{lines}"


def learn_environment_secrets(environ: Mapping[str, str] = os.environ) -> None:
    """Mask the secrets in the environment from now on, passwords of proxies included."""
    SECRETS.learn(*map(environ.get, _VARIABLES))
    for name in _PROXIES:
        for url in (environ.get(name), environ.get(name.lower())):
            proxy = read_proxy(url if url is None or "://" in url else f"http://{url}")
            if proxy is not None:
                SECRETS.learn_all(proxy.secrets)


def learn_client_secrets(chat: CometChat) -> None:
    """Mask the secrets that *chat* has now, those that the server has issued included."""
    SECRETS.learn_all(chat._core.identity.secrets)  # noqa: SLF001 - no public call returns a secret


def safe_text(text: object) -> str:
    """Return *text* as one line for the terminal: masked, escaped, and of any length."""
    return SECRETS.masked(text)


def print_news(text: object) -> None:
    """Print a line about the progress of a command to standard error, with the time, masked and escaped."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    print(f"{now} {safe_text(text)}", file=sys.stderr, flush=True)  # noqa: T201 - a program's output


async def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, in a thread, because the reader of the output may be slow. Ctrl-C does not wait for it."""
    text = "".join(f"{line}\n" for line in lines)
    await trio.to_thread.run_sync(_write, text, abandon_on_cancel=True, limiter=_WRITERS)


def _write(text: str) -> None:
    # JSON is UTF-8, whatever the terminal's encoding; half of a surrogate pair is escaped.
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def json_line(value: Any, indent: int | None = None) -> str:
    """Return JSON for the terminal: masked, and escaped so that a JSON parser restores the text."""
    return SECRETS.json(value, indent)
