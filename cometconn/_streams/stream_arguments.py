"""What `chat.events()` is told: which events, what a full stream does, and when an event counts as handled."""

from __future__ import annotations

import enum
from typing import TypeVar

import attrs

from cometconn.errors import SettingsError
from cometconn.events import Event, Marker

__all__ = ["Acknowledge", "OverflowPolicy", "StreamOptions", "stream_options"]

E = TypeVar("E", bound=enum.Enum)


class OverflowPolicy(enum.Enum):
    """What a stream does when it is full."""

    PAUSE = "pause"
    """Stop reading the socket. Nothing is lost as long as the server has patience."""
    DROP_OLDEST = "drop_oldest"
    """Drop the oldest; an `Overflow` marks the hole."""
    FAIL = "fail"
    """End the stream with `SlowConsumerError`."""


class Acknowledge(enum.Enum):
    """When a message that was handed out counts as handled."""

    NEXT = "next"
    """When the task that got it asks for the next one, or leaves the block without an exception."""
    CALL = "call"
    """When `EventStream.acknowledge()` is called with it."""
    NEVER = "never"
    """The stream only looks on: what it has, or has not, says nothing about what is handled."""


@attrs.frozen
class StreamOptions:
    """How one stream is to be.

    Attributes:
        types: the classes that it takes, markers among them.
        max_events, max_bytes: its bounds.
        overflow: what it does when it is full.
        acknowledge: when an event counts as handled.
    """

    types: tuple[type[Event], ...] = (Event,)
    max_events: int = 1024
    max_bytes: int = 4 * 1024 * 1024
    overflow: OverflowPolicy = OverflowPolicy.PAUSE
    acknowledge: Acknowledge = Acknowledge.NEXT


def stream_options(
    types: tuple[type[Event], ...], max_events: int, max_bytes: int, overflow: str, acknowledge: str
) -> StreamOptions:
    """Return the options that the arguments of `events()` mean; `SettingsError` if one of them means nothing."""
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            message = f"events() takes event classes, such as TextMessage, not {kind!r}."
            raise SettingsError(message)
    for name, bound in (("max_events", max_events), ("max_bytes", max_bytes)):
        if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
            message = f"events(): {name} must be a whole number, 1 or more, not {bound!r}."
            raise SettingsError(message)
    return StreamOptions(
        (*types, Marker) if types else (Event,),
        max_events,
        max_bytes,
        _member(OverflowPolicy, "overflow", overflow),
        _member(Acknowledge, "acknowledge", acknowledge),
    )


def _member(kind: type[E], name: str, value: object) -> E:
    try:
        return kind(value)
    except ValueError:
        *first, last = (f'"{member.value}"' for member in kind)
        message = f"events(): {name} must be {', '.join(first)} or {last}, not {value!r}."
        raise SettingsError(message) from None
