"""What happens to a connection that is there, and how it ends."""

from __future__ import annotations

from typing import Literal

import attrs

from .detail import Detail

__all__ = [
    "ConnectionLost",
    "EventsDropped",
    "EventsReceived",
    "GapMarked",
    "GoodbyeSaid",
    "PageFetched",
    "PingSent",
    "PongReceived",
    "ReadingPaused",
    "ReadingResumed",
    "SocketClosed",
]


@attrs.frozen(kw_only=True)
class PingSent(Detail):
    """A ping frame is written, or waits for those before it.

    Attributes:
        by: `"keepalive"`, or `"application"` for `chat.ping()`, which is also a sign of life of the app.
    """

    by: Literal["keepalive", "application"]


@attrs.frozen(kw_only=True)
class PongReceived(Detail):
    """The server answered the oldest ping that was open.

    Attributes:
        round_trip: since that ping, in seconds.
    """

    round_trip: float


@attrs.frozen(kw_only=True)
class EventsReceived(Detail):
    """Events were put into the streams: once for all that one read of the socket brought.

    What the server says that is no event (pongs, the auth reply) does not count. Messages
    that were fetched after an absence do.

    Attributes:
        events: how many, duplicates included.
        duplicates: of these, how many were dropped because their message had come before.
    """

    events: int
    duplicates: int


@attrs.frozen(kw_only=True)
class EventsDropped(Detail):
    """A stream was full and lost events: it was opened with `overflow="drop_oldest"` or `"fail"`, or nobody has opened one.

    Attributes:
        dropped: how many since the last such detail, all streams together.
    """

    dropped: int


@attrs.frozen(kw_only=True)
class ReadingPaused(Detail):
    """A stream with `overflow="pause"` is full: the socket is not read until the application reads."""


@attrs.frozen(kw_only=True)
class ReadingResumed(Detail):
    """There is room again.

    Attributes:
        paused: how long the socket was not read, in seconds.
    """

    paused: float


@attrs.frozen(kw_only=True)
class PageFetched(Detail):
    """Catching up: one page of missed messages came by REST.

    Attributes:
        messages: how many it held.
        more: another page will be asked for.
    """

    messages: int
    more: bool


@attrs.frozen(kw_only=True)
class GapMarked(Detail):
    """A `Gap` was put into the streams: the client had been away.

    Attributes:
        since, until: from the loss to the reconnect, on Trio's clock, in seconds.
        recovered: the messages missed were fetched (`True`), follow (`None`), or may be missing (`False`): see `Gap`.
        cause: what ended the connection, or what made the catch-up fail, in words.
        after_id, before_id: the ids of the missed messages lie between these two, where they are known.
    """

    since: float
    until: float
    recovered: bool | None
    cause: str | None
    after_id: int | None = None
    before_id: int | None = None


@attrs.frozen(kw_only=True)
class ConnectionLost(Detail):
    """The connection ended without our doing.

    Attributes:
        stood: how long it had stood, in seconds.
        cause: why, in words.
        close_code: the server's close code (RFC 6455 section 7.4), if it sent one.
    """

    stood: float
    cause: str
    close_code: int | None


@attrs.frozen(kw_only=True)
class GoodbyeSaid(Detail):
    """Our close frame, with code 1000, is written; the server's answer is waited for."""


@attrs.frozen(kw_only=True)
class SocketClosed(Detail):
    """The socket is closed on our side. The next one is dialled only now."""
