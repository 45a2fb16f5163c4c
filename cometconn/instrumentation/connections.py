"""Details of an open connection and of its end."""

from __future__ import annotations

from typing import Literal

import attrs

from .detail import Detail

__all__ = [
    "CloseFrameSent",
    "ConnectionLost",
    "EventsDropped",
    "EventsReceived",
    "GapMarked",
    "PageFetched",
    "PingSent",
    "PongReceived",
    "ReadingPaused",
    "ReadingResumed",
    "SocketClosed",
]


@attrs.frozen(kw_only=True)
class PingSent(Detail):
    """A ping frame was written, or queued behind other frames.

    Attributes:
        by: `"keepalive"`, or `"application"` for `chat.ping()`, which is also a sign of life of the app.
    """

    by: Literal["keepalive", "application"]


@attrs.frozen(kw_only=True)
class PongReceived(Detail):
    """The server replied to the oldest unanswered ping.

    Attributes:
        round_trip: the time since that ping, in seconds.
    """

    round_trip: float


@attrs.frozen(kw_only=True)
class EventsReceived(Detail):
    """Events were put into the streams: one detail for all events of one read of the socket.

    Pongs and the auth reply are not events and are not counted. Messages fetched after a disconnection are counted.

    Attributes:
        events: the number of events, duplicates included.
        duplicates: how many of them were dropped because the same message was received before.
    """

    events: int
    duplicates: int


@attrs.frozen(kw_only=True)
class EventsDropped(Detail):
    """A full stream dropped events: one opened with `overflow="drop_oldest"` or `"fail"`, or the buffer while none is open.

    Attributes:
        dropped: the number of events since the last such detail, in all streams together.
    """

    dropped: int


@attrs.frozen(kw_only=True)
class ReadingPaused(Detail):
    """A stream with `overflow="pause"` is full: the socket is not read until the application reads."""


@attrs.frozen(kw_only=True)
class ReadingResumed(Detail):
    """The stream has room again, and the socket is read.

    Attributes:
        paused: how long the socket was not read, in seconds.
    """

    paused: float


@attrs.frozen(kw_only=True)
class PageFetched(Detail):
    """Catching up fetched one page of missed messages over REST.

    Attributes:
        messages: the number of messages in it.
        more: whether another page will be requested.
    """

    messages: int
    more: bool


@attrs.frozen(kw_only=True)
class GapMarked(Detail):
    """A `Gap` was put into the streams, because the client was disconnected.

    Attributes:
        since, until: the times of the loss and of the reconnect, on Trio's clock, in seconds.
        recovered: the missed messages were fetched (`True`), follow (`None`), or may be missing (`False`): see `Gap`.
        cause: the message of the error that ended the connection, or that made catching up fail.
        after_id, before_id: the ids of the missed messages are between these two, if those are known.
    """

    since: float
    until: float
    recovered: bool | None
    cause: str | None
    after_id: int | None = None
    before_id: int | None = None


@attrs.frozen(kw_only=True)
class ConnectionLost(Detail):
    """The connection was lost: the client did not close it.

    Attributes:
        stood: how long it was open, in seconds.
        cause: the error message.
        close_code: the server's close code (RFC 6455 section 7.4), if it sent one.
    """

    stood: float
    cause: str
    close_code: int | None


@attrs.frozen(kw_only=True)
class CloseFrameSent(Detail):
    """The client wrote a close frame with code 1000, and waits for the server's."""


@attrs.frozen(kw_only=True)
class SocketClosed(Detail):
    """The client closed the socket. The next one is dialled only after this."""
