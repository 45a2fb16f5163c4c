"""`cometconn send`: send one message, with files if there are any, and print it as the server stored it."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

import attrs

from cometconn.errors import SettingsError

from .formatting import event_line
from .stopping import until_stopped
from .terminal import TerminalConsole, learn_client_secrets

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

    from cometconn import CometChat
    from cometconn.events import Message

    from .options import Options

__all__ = ["OutgoingMessage", "parse_json_object", "read_content", "send"]

_REDRAWN = 0.1  # seconds between two drawings of the bar


@attrs.frozen
class OutgoingMessage:
    """A message to send.

    Attributes:
        receiver: a uid or a guid.
        receiver_type: which of the two.
        content: the text, or the JSON object of a custom message, or the caption of files; `None` for none.
        custom: the type of a custom message; `None` for a text message.
        muid: the sender's own id for the message.
        metadata: the app's own data.
        files: the files to send.
    """

    receiver: str
    receiver_type: Literal["user", "group"]
    content: str | None
    custom: str | None
    muid: str | None
    metadata: dict[str, Any] | None
    files: tuple[pathlib.Path, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Refuse what does not fit together."""
        if self.files and self.custom is not None:
            message = "--file and --custom do not go together: a custom message has no files."
            raise SettingsError(message)
        if self.content is None and not self.files:
            message = "CONTENT is missing: give a text, or files with --file."
            raise SettingsError(message)

    async def send(self, chat: CometChat) -> Message:
        """Send it, and return it as the server stored it."""
        if self.files:
            with _progress_bar(len(self.files)) as progress:
                return await chat.send_media(
                    self.receiver,
                    self.files,
                    caption=self.content,
                    progress=progress,
                    receiver_type=self.receiver_type,
                    muid=self.muid,
                    metadata=self.metadata,
                )
        assert self.content is not None, "checked"
        if self.custom is None:
            return await chat.send_text(
                self.receiver, self.content, receiver_type=self.receiver_type, muid=self.muid, metadata=self.metadata
            )
        return await chat.send_custom(
            self.receiver,
            parse_json_object("CONTENT with --custom", self.content),
            type=self.custom,
            receiver_type=self.receiver_type,
            muid=self.muid,
            metadata=self.metadata,
        )


@contextlib.contextmanager
def _progress_bar(files: int) -> Iterator[Callable[[int, int], None] | None]:
    """Show how much is uploaded, on standard error; if that is no terminal, nothing is shown, and `None` is given."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415

    what = "Uploading" if files == 1 else f"Uploading {files} files"
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # It is drawn by the callback, and not in a thread, which would still write after a broken terminal or Ctrl-C.
    with Progress(*columns, console=TerminalConsole(stderr=True), auto_refresh=False, transient=True) as bar:
        task, drawn = bar.add_task(what, total=None), 0.0

        def show(sent: int, total: int) -> None:
            nonlocal drawn
            bar.update(task, completed=sent, total=total)
            if sent >= total or time.monotonic() - drawn >= _REDRAWN:
                drawn = time.monotonic()
                bar.refresh()

        yield show


def parse_json_object(what: str, words: str) -> dict[str, Any]:
    """Read a JSON object; *what* names it in the error."""
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        message = f'{what} must be a JSON object, as {{"x": 1}}.'
        raise SettingsError(message)
    return value


def read_content(words: str) -> str:
    """Return *words*; for `-`, the text on standard input without its last newline."""
    if words != "-":
        return words
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        message = f"Standard input is not UTF-8 text: byte {error.start} is invalid."
        raise SettingsError(message) from None


async def send(options: Options, outgoing: OutgoingMessage) -> int:
    """Log in if need be, send the message, and print it as the server stored it; return the exit status."""
    # A message needs no socket, so in manual mode none is opened.
    settings = attrs.evolve(options.settings(), auto_establish_socket_connection=False)
    async with options.open_client(settings) as chat:
        await options.credentials.log_in(chat)

        async def send_and_print() -> None:
            sent = await outgoing.send(chat)
            learn_client_secrets(chat)
            print(event_line(sent), flush=True)  # noqa: T201 - a program's output

        return await until_stopped(send_and_print)
