"""What the connection is doing, as values: states, reasons and statuses."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import attrs

if TYPE_CHECKING:
    from .errors import CometConnError

__all__ = [
    "AppState",
    "Connected",
    "Connecting",
    "ConnectionState",
    "Disconnected",
    "Features",
    "Reason",
    "Status",
    "StatusChange",
    "Waiting",
]


class AppState(enum.Enum):
    """Where the application is, as it told us itself."""

    FOREGROUND = "foreground"
    """In use. Where every client begins."""
    BACKGROUND = "background"
    """Out of sight: `enter_background()` was called."""


class ConnectionState(enum.Enum):
    """CometChat's three connection statuses."""

    CONNECTED = "connected"
    """Authenticated: events arrive."""
    CONNECTING = "connecting"
    """An attempt is under way, or the time of the next one is set."""
    DISCONNECTED = "disconnected"
    """There is no socket, and none will be opened without an input."""


class Reason(enum.Enum):
    """Why the client is `Disconnected`."""

    NOT_LOGGED_IN = "not_logged_in"
    """Nobody has logged in yet."""
    NOT_REQUESTED = "not_requested"
    """Manual mode: nobody has called `connect()`, or its last caller gave up."""
    IN_BACKGROUND = "in_background"
    """Auto mode: the app is in the background."""
    BACKGROUND_TIMEOUT = "background_timeout"
    """Manual mode: `background_grace` passed without a sign of life."""
    LOST_IN_BACKGROUND = "lost_in_background"
    """Manual mode: the socket was lost in the background, or the app went there while it was lost."""
    DISCONNECT_CALLED = "disconnect_called"
    """The application called `disconnect()`."""
    LOGGED_OUT = "logged_out"
    """`logout()` was called, another user logs in, or the server no longer knows the token."""
    AUTHENTICATION_FAILED = "authentication_failed"
    """The server refused the token, and its renewal too."""
    CONNECT_FAILED = "connect_failed"
    """Manual mode: the attempt failed and nobody waits for another."""
    CLIENT_CLOSED = "client_closed"
    """`open_client()` was left."""


@attrs.frozen
class Disconnected:
    """No socket, and none wanted until an input says so.

    Attributes:
        reason: why.
        cause: the error behind it, where there is one.
        at: when it became so, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.DISCONNECTED
    reason: Reason
    cause: CometConnError | None = attrs.field(default=None, kw_only=True)
    at: float = attrs.field(kw_only=True)


@attrs.frozen
class Connecting:
    """An attempt is under way.

    Attributes:
        attempt: counts from 1 since the last stable connection, or since the lease began.
        at: when the attempt began, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.CONNECTING
    attempt: int
    at: float = attrs.field(kw_only=True)


@attrs.frozen
class Waiting:
    """Between two attempts.

    Attributes:
        attempt: the attempt that will be made.
        retry_at: when, on Trio's clock, in seconds.
        cause: what ended the connection or the attempt before.
        at: when the wait began, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.CONNECTING
    attempt: int
    retry_at: float
    cause: CometConnError | None = attrs.field(default=None, kw_only=True)
    at: float = attrs.field(kw_only=True)


@attrs.frozen
class Connected:
    """Authenticated: the server accepted the auth frame, events arrive.

    Attributes:
        attempt: the attempt that succeeded.
        at: when the server's answer was read, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.CONNECTED
    attempt: int
    at: float = attrs.field(kw_only=True)


Status: TypeAlias = Disconnected | Connecting | Waiting | Connected
"""One of the four status classes. Frozen; compare `.state`, or match on the class."""


@attrs.frozen
class Features:
    """What the server lets the user send over the socket, as `CometChat.features` tells it.

    The server says it at the login, in its setting `MODE`; CometChat calls less than all *feature throttled*.

    Attributes:
        typing: `False`: `start_typing()` and `end_typing()` send nothing and return.
        receipts: `False`: `mark_as_delivered()` and `mark_as_read()` send nothing and raise `FeatureThrottledError`.
        transient: `False`: `send_transient()` sends nothing and returns.
        mode: `"DEFAULT"` (everything is sent), `"LIMITED_TRANSIENT"` (no typing, no receipts) or `"NO_TRANSIENT"`
            (nothing of the three).
    """

    typing: bool = True
    receipts: bool = True
    transient: bool = True
    mode: str = "DEFAULT"


@attrs.frozen
class StatusChange:
    """One step of the status, as `CometChat.statuses()` hands it out.

    Attributes:
        previous: the status before; `None` in a subscriber's first item.
        current: the status now.
        skipped: how many changes before this one the subscriber missed because
            it was more than 256 behind; 0 otherwise.
    """

    previous: Status | None
    current: Status
    skipped: int = 0
