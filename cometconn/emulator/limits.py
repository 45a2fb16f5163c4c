"""How much the server keeps and takes. All of it is bounded, so that no client can fill its memory or its disk."""

from __future__ import annotations

from typing import Any, Final

import attrs

from cometconn._arguments import checked
from cometconn.errors import SettingsError

__all__ = ["DEFAULT_LIMITS", "ServerLimits", "most_tokens"]

_MEBI: Final = 1024 * 1024
_LEAST_TOKENS: Final = 1_000


def _check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is no whole number of at least 1; below 2**31, because a length in 32 bits is enough for all."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        message = (
            f"{type(instance).__name__}.{attribute.name} must be a whole number from 1 to {2**31 - 1}, not {value!r}."
        )
        raise SettingsError(message)


def _limit(default: int, about: str) -> Any:
    return attrs.field(default=default, validator=_check, metadata={"help": about})


@checked
@attrs.frozen(kw_only=True)
class ServerLimits:
    """How much the server keeps and takes: for `open_emulator(limits=...)`, and options of `cometconn serve`.

    Attributes:
        tokens: the most auth tokens that are valid at once; a new one pushes out the oldest. `None`: twice the number of
            users, and at least 1,000.
        messages: the most messages that are kept; a new one pushes out the oldest.
        log_entries: the most entries of the log that are kept, as well.
        file_size: the most bytes of one uploaded file, by default 100 MiB, as CometChat's SDKs have it.
        files_size: the most bytes of all uploaded files, by default 200 MiB; a new one pushes out the oldest.
        body_size: the most bytes of the body of a request that uploads no file; a longer one gets status 413.
        frame_size: the most characters of a WebSocket message; a longer one gets close code 1009.
        waiting_frames: the most frames that wait for a client that does not read; the next one resets its connection.
        waiting_events: the most webhook events that wait to be sent; a further one is dropped.

    Raises:
        SettingsError: a limit is not a whole number from 1 to 2,147,483,647.
    """

    tokens: int | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(_check),
        metadata={
            "help": "The most auth tokens that are valid at once; twice the number of users, and at least 1000, unless given."
        },
    )
    messages: int = _limit(10_000, "The most messages that are kept.")
    log_entries: int = _limit(10_000, "The most entries of the log that are kept.")
    file_size: int = _limit(100 * _MEBI, "The most bytes of one uploaded file.")
    files_size: int = _limit(200 * _MEBI, "The most bytes of all uploaded files; a new one pushes out the oldest.")
    body_size: int = _limit(_MEBI, "The most bytes of the body of a request that uploads no file.")
    frame_size: int = _limit(65_536, "The most characters of a WebSocket message.")
    waiting_frames: int = _limit(1_024, "The most frames that wait for a client that does not read.")
    waiting_events: int = _limit(1_000, "The most webhook events that wait to be sent.")


DEFAULT_LIMITS: Final = ServerLimits()


def most_tokens(limits: ServerLimits, users: int = 0) -> int:
    """Return the most auth tokens of a server with this number of users at the start."""
    return limits.tokens or max(_LEAST_TOKENS, 2 * users)
