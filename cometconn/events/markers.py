"""Events that no class of CometChat's describes: the client's own markers, unknown events and unreadable frames."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from cometconn._modules import no_such_attribute
from cometconn.errors import DecodeError

from .base import Event

__all__ = ["Gap", "Marker", "Overflow", "Resumed", "UnknownEvent", "UnreadableFrame"]


def _hint(name: str) -> str:
    """Return what is meant by a name that other events have."""
    from . import messages  # noqa: PLC0415 - it is needed for an error only, and not every program has it

    kinds = [kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, Event)]
    if not any(name in attrs.fields_dict(kind) for kind in kinds):
        return ""
    return (
        ", because it is no message but a marker, which every stream also yields: write"
        " `events(..., markers=False)` to leave markers out, or choose by `match` or `isinstance()`"
    )


@no_such_attribute(_hint)
@attrs.frozen
class Marker(Event):
    """The base class of events that the client makes itself. Every stream yields them, whatever classes it asks for."""


@attrs.frozen
class Gap(Marker):
    """The client was disconnected, and did not receive over the socket what was sent in the meantime.

    It comes before the first event after the reconnect. With `AppSettings(catch_up=True)` more gaps of the same range
    may follow, and the last one counts.

    Attributes:
        since, until: the times of the loss and of the reconnect, on Trio's clock, in seconds. For a program that was
            started again, `since` is the start of this program.
        cause: the error that ended the connection, or that made catching up fail.
        recovered: `True`: the missed messages were fetched, and are in the stream in their order. `None`: more were
            missed than are fetched in advance. They follow now, in their order and before live events, and after them
            comes a gap of the same range with `True`, or with `False` at the point where fetching failed. `False`: they
            may be missing. If they can be fetched later, they follow out of order, after another gap of the same range
            with `True`.
        after_id: the missed messages have larger ids than this one; `None` if no earlier message is known.
        before_id: the missed messages have smaller ids than this one, which is the first message sent to the new
            connection; `None` if none was received yet that was certainly sent after it began, by the server's clock,
            for a server may send a missed message again. If the new connection ends before that, it is the id behind
            the last message received.
        since_utc, until_utc: `since` and `until` on the wall clock.
    """

    since: float
    until: float
    cause: Exception | None = None
    recovered: bool | None = False
    after_id: int | None = None
    before_id: int | None = None
    since_utc: datetime.datetime = attrs.field(kw_only=True)
    until_utc: datetime.datetime = attrs.field(kw_only=True)


@attrs.frozen
class Overflow(Marker):
    """The stream was full, and events were dropped at this point.

    Attributes:
        dropped: the number of dropped events.
    """

    dropped: int


@attrs.frozen
class Resumed(Marker):
    """The computer was asleep and woke up.

    Attributes:
        slept: how long it slept, in seconds.
    """

    slept: float


@attrs.frozen
class UnknownEvent(Event):
    """A frame for which this version has no class.

    Frames about a group call that CometChat's SDKs do not report to this user are such events, too: that the user
    itself started the call, and how members answered the call of another.

    Attributes:
        type: the frame's `type`; empty if it has none.
        raw: the whole frame; for a message fetched over REST, its mapping. Not in the `repr`.
    """

    type: str
    raw: Mapping[str, Any] = attrs.field(repr=False, hash=False)


@attrs.frozen
class UnreadableFrame(Event):
    """A frame or fetched message that is not JSON, lacks what its kind needs, or exceeds `Limits`.

    The connection is not closed.

    Attributes:
        raw: the frame as received: a text, or bytes for a binary frame; if it is longer than `Limits.max_message`, its
            first 64 KiB. Not in the `repr`.
        error: what is wrong with it, and where. It follows from `raw`, so it is not compared.
        message_id: the id of a message, if it can be read although the rest cannot; otherwise `None`. It follows from
            `raw`, too, and is not compared.
    """

    raw: str | bytes = attrs.field(repr=False)
    error: DecodeError = attrs.field(eq=False)
    message_id: int | None = attrs.field(default=None, eq=False)
