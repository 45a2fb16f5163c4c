"""What `chat.events()` is told: which events, and what a full stream does."""

from __future__ import annotations

import enum

from cometconn.errors import SettingsError
from cometconn.events import Event

__all__ = ["OverflowPolicy", "check_types", "overflow_policy"]


class OverflowPolicy(enum.Enum):
    """What a stream does when it is full."""

    PAUSE = "pause"
    """Stop reading the socket. Nothing is lost as long as the server has patience."""
    DROP_OLDEST = "drop_oldest"
    """Drop the oldest; an `Overflow` marks the hole."""
    FAIL = "fail"
    """End the stream with `SlowConsumerError`."""


def overflow_policy(max_events: int, max_bytes: int, overflow: str) -> OverflowPolicy:
    """Return the policy of that name; `SettingsError` if there is none, or a bound is none."""
    if max_events < 1 or max_bytes < 1:
        message = "events(): max_events and max_bytes must be 1 or more."
        raise SettingsError(message)
    try:
        return OverflowPolicy(overflow)
    except ValueError:
        message = f'events(): overflow must be "pause", "drop_oldest" or "fail", not {overflow!r}.'
        raise SettingsError(message) from None


def check_types(types: tuple[type[Event], ...]) -> None:
    """Raise `SettingsError` if one of them is no class of events."""
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            message = f"events() takes event classes, such as TextMessage, not {kind!r}."
            raise SettingsError(message)
