"""The arguments of `CometChat.events()`, checked."""

from __future__ import annotations

import enum
from typing import Literal, TypedDict, TypeVar

import attrs

from cometconn.errors import SettingsError
from cometconn.events import Event, Marker

__all__ = ["Acknowledge", "OnLogout", "OverflowPolicy", "StreamKeywords", "StreamOptions", "stream_options"]

E = TypeVar("E", bound=enum.Enum)


class OverflowPolicy(enum.Enum):
    """What a stream does when it is full."""

    PAUSE = "pause"
    """Stop reading the socket. Nothing is lost as long as the server does not close the connection."""
    DROP_OLDEST = "drop_oldest"
    """Drop the oldest events; an `Overflow` stands in their place."""
    FAIL = "fail"
    """End the stream with `SlowConsumerError`."""


class Acknowledge(enum.Enum):
    """When a message that was handed out counts as handled."""

    NEXT = "next"
    """When the task that got it calls for the next one, or leaves the block without an exception."""
    CALL = "call"
    """When `EventStream.acknowledge()` is called with it."""
    NEVER = "never"
    """Never: what is in this stream makes no difference to what is handled."""


class OnLogout(enum.Enum):
    """What a stream does when the user is logged out."""

    WAIT = "wait"
    """Go on with the events of the next user who is logged in."""
    RAISE = "raise"
    """End with `NotLoggedInError`."""


class StreamKeywords(TypedDict, total=False):
    """The keyword arguments of `CometChat.events()` that have no effect on the type of its events."""

    max_events: int
    max_bytes: int
    overflow: Literal["pause", "drop_oldest", "fail"]
    acknowledge: Literal["next", "call", "never"]
    on_logout: Literal["wait", "raise"]


@attrs.frozen
class StreamOptions:
    """The options of one stream.

    Attributes:
        types: the classes of the events that it takes, markers included.
        max_events, max_bytes: its bounds.
        overflow: what it does when it is full.
        acknowledge: when an event counts as handled.
        markers: whether markers stand in it. If not, it notes them elsewhere.
        on_logout: what it does when the user is logged out.
    """

    types: tuple[type[Event], ...] = (Event,)
    max_events: int = 1024
    max_bytes: int = 4 * 1024 * 1024
    overflow: OverflowPolicy = OverflowPolicy.PAUSE
    acknowledge: Acknowledge = Acknowledge.NEXT
    markers: bool = True
    on_logout: OnLogout = OnLogout.WAIT


def stream_options(
    types: tuple[type[Event], ...],
    max_events: int,
    max_bytes: int,
    overflow: str,
    acknowledge: str,
    *,
    markers: bool = True,
    on_logout: str = "wait",
) -> StreamOptions:
    """Return the options for these arguments of `events()`; raise `SettingsError` if one of them is invalid."""
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            message = f"events() takes event classes, such as TextMessage, not {kind!r}."
            raise SettingsError(message)
    for name, bound in (("max_events", max_events), ("max_bytes", max_bytes)):
        if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
            message = f"events(): {name} must be a whole number, 1 or more, not {bound!r}."
            raise SettingsError(message)
    if not isinstance(markers, bool):
        message = f"events(): markers must be True or False, not {markers!r}."
        raise SettingsError(message)
    for kind in types if not markers else ():
        if issubclass(kind, Marker):
            message = (
                f"events({kind.__name__}, markers=False): {kind.__name__} is a marker, which markers=False leaves out."
            )
            raise SettingsError(message)
    return StreamOptions(
        (*types, Marker) if types else (Event,),
        max_events,
        max_bytes,
        _member(OverflowPolicy, "overflow", overflow),
        _member(Acknowledge, "acknowledge", acknowledge),
        markers,
        _member(OnLogout, "on_logout", on_logout),
    )


def _member(kind: type[E], name: str, value: object) -> E:
    try:
        return kind(value)
    except ValueError:
        *first, last = (f'"{member.value}"' for member in kind)
        message = f"events(): {name} must be {', '.join(first)} or {last}, not {value!r}."
        raise SettingsError(message) from None
