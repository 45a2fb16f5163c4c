"""What stands in a stream without being news: markers of our own, and frames we cannot tell apart or read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from cometconn.errors import DecodeError

from .base import Event

__all__ = ["Gap", "Marker", "Overflow", "Resumed", "UnknownEvent", "UnreadableFrame"]


@attrs.frozen
class Marker(Event):
    """Made by this client, not sent by the server. Every stream gets these, whatever kinds it names."""


@attrs.frozen
class Gap(Marker):
    """The client was disconnected: what was sent meanwhile did not come over the socket.

    It stands before the first event after the reconnect. With `AppSettings(catch_up=True)` more gaps of the same
    range may follow it, and the last one counts.

    Attributes:
        since, until: from the loss to the reconnect, on Trio's clock, in seconds. For a program that was started
            again, `since` is the start of this program.
        cause: what ended the connection, or what made the catch-up fail.
        recovered: `True`: the missed messages were fetched, and stand in the stream in their order. `None`: more were
            missed than are fetched ahead: they follow now, in their order and before live events, and a gap of
            the same range with `True` stands behind them, or one with `False` where fetching broke off. `False`: they may be
            missing. What can be fetched later then stands, out of order, behind another gap of the same range with `True`.
        after_id: the missed messages have larger ids than this one; `None` when no message is known to begin with.
        before_id: they have smaller ids than this one, the first that came over the new connection; `None` when none had
            come yet.
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
    """The stream was full: events that would stand here were dropped.

    Attributes:
        dropped: how many.
    """

    dropped: int


@attrs.frozen
class Resumed(Marker):
    """The machine had been asleep.

    Attributes:
        slept: how long, in seconds.
    """

    slept: float


@attrs.frozen
class UnknownEvent(Event):
    """A frame of a kind that this version has no class for.

    Also a group call's news that CometChat's clients keep from this user: that they
    themselves began a call, or how somebody answered another's.

    Attributes:
        type: the frame's `type`; empty if it has none.
        raw: the whole frame (of a message fetched over REST, its mapping); not shown.
    """

    type: str
    raw: Mapping[str, Any] = attrs.field(repr=False, hash=False)


@attrs.frozen
class UnreadableFrame(Event):
    """A frame, or a fetched message, that is not JSON, not what its kind must be, or more than `Limits` allow.

    The connection goes on.

    Attributes:
        raw: the frame as it came: text, or bytes if it was a binary frame; of one that is longer than
            `Limits.max_message`, its first 64 KiB. Not shown.
        error: what is wrong with it, and where. It follows from `raw`, so it is not compared.
        message_id: of a message, its id, where that can be read although the rest cannot; else `None`. It follows from
            `raw`, too.
    """

    raw: str | bytes = attrs.field(repr=False)
    error: DecodeError = attrs.field(eq=False)
    message_id: int | None = attrs.field(default=None, eq=False)
