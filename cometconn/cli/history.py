"""`cometconn history`: print the messages of a conversation."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

from cometconn.errors import SettingsError

from .formatting import event_line
from .stopping import until_stopped
from .terminal import learn_client_secrets, write_lines

if TYPE_CHECKING:
    from cometconn import CometChat
    from cometconn.events import Message

    from .options import Options

__all__ = ["HistoryOptions", "history", "parse_place"]

_AT_ONCE = 100  # lines that are written together: as many messages as a page has


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class HistoryOptions:
    """Which messages are printed."""

    user: Annotated[str | None, Parameter(help="The conversation with the user of this uid.")] = None
    group: Annotated[str | None, Parameter(help="The conversation of the group with this guid.")] = None
    thread: Annotated[int | None, Parameter(help="The replies in the thread that the message with this id begins.")] = (
        None
    )
    limit: Annotated[int, Parameter(help="The most messages to print; 0 for all.")] = 100
    before: Annotated[
        str | None,
        Parameter(help="Only messages before this one, by its id, or before this time, as 2026-03-07T00:10, in UTC."),
    ] = None
    after: Annotated[
        str | None,
        Parameter(help="Only messages after this one, or after this time. The oldest of them is then printed first."),
    ] = None
    oldest_first: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Print the same messages in the order in which they were sent."
        ),
    ] = False


async def history(options: Options, wanted: HistoryOptions) -> int:
    """Log in if need be, and print the messages; return the exit status."""
    before, after = parse_place("--before", wanted.before), parse_place("--after", wanted.after)
    if sum(each is not None for each in (wanted.user, wanted.group, wanted.thread)) > 1:
        message = "Give one of --user, --group and --thread, or none of them for all conversations."
        raise SettingsError(message)
    if wanted.limit < 0:
        message = f"--limit must be 0 or more, not {wanted.limit}."
        raise SettingsError(message)
    if wanted.oldest_first and after is None and wanted.limit == 0:
        after = 0  # all of them are wanted, so they can come in that order
    # Reading a history needs no socket.
    settings = attrs.evolve(options.settings(), auto_establish_socket_connection=False)
    async with options.open_client(settings) as chat:
        await options.credentials.log_in(chat)

        async def read() -> None:
            found = chat.messages.history(
                user=wanted.user,
                group=wanted.group,
                thread=wanted.thread,
                before=before,
                after=after,
                limit=wanted.limit or None,
            )
            if wanted.oldest_first and after is None:
                await _print(chat, [message async for message in found][::-1])
                return
            page: list[Message] = []
            async for message in found:
                page.append(message)
                if len(page) == _AT_ONCE:
                    await _print(chat, page)
                    page.clear()
            await _print(chat, page)

        return await until_stopped(read)


async def _print(chat: CometChat, messages: list[Message]) -> None:
    learn_client_secrets(chat)
    await write_lines(map(event_line, messages))


def parse_place(option: str, words: str | None) -> int | datetime.datetime | None:
    """Read the id of a message, or a time in ISO 8601, which is in UTC if it has no offset. *option* is for the error."""
    if words is None:
        return None
    if words.isascii() and words.isdigit() and len(words) <= 18:
        return int(words)
    try:
        time = datetime.datetime.fromisoformat(words)
    except ValueError:
        message = f"{option} must be the id of a message, or a time such as 2026-03-07T00:10, not {words!r}."
        raise SettingsError(message) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
