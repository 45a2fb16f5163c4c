"""The status of a client: states, reasons, and the frozen classes that combine them."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import attrs

from ._modules import public_names

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

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)


class AppState(enum.StrEnum):
    """Whether the application is in the foreground, as it last reported by a call. Each member equals its text."""

    FOREGROUND = "foreground"
    """The user sees the application. The initial state of every client."""
    BACKGROUND = "background"
    """The user does not see the application: `enter_background()` was called."""


class ConnectionState(enum.StrEnum):
    """CometChat's three connection statuses. Each equals its text: `chat.status.state == "connected"`."""

    CONNECTED = "connected"
    """The socket is open and authenticated: events are received."""
    CONNECTING = "connecting"
    """An attempt is running, or the time of the next one is set."""
    DISCONNECTED = "disconnected"
    """There is no socket, and none will be opened without an input, such as a call."""


class Reason(enum.StrEnum):
    """Why the client is `Disconnected`. Each member equals its text."""

    NOT_LOGGED_IN = "not_logged_in"
    """No user has logged in yet."""
    NOT_REQUESTED = "not_requested"
    """Manual mode: `connect()` was not called, or its last waiting call was cancelled."""
    IN_BACKGROUND = "in_background"
    """Auto mode: the app is in the background."""
    BACKGROUND_TIMEOUT = "background_timeout"
    """Manual mode: `background_grace` passed without a sign of life."""
    LOST_IN_BACKGROUND = "lost_in_background"
    """Manual mode: the socket was lost in the background, or the app entered it while the socket was lost."""
    DISCONNECT_CALLED = "disconnect_called"
    """The application called `disconnect()`."""
    LOGGED_OUT = "logged_out"
    """`logout()` was called, another user logs in, or the server no longer knows the token."""
    AUTHENTICATION_FAILED = "authentication_failed"
    """The server refused the token, and the renewed one, too."""
    CONNECT_FAILED = "connect_failed"
    """Manual mode: the attempt failed, and no call of `connect()` waits for another."""
    CLIENT_CLOSED = "client_closed"
    """The block of `open_client()` was left."""


@attrs.frozen
class Disconnected:
    """There is no socket, and none will be opened without an input, such as a call.

    Attributes:
        state: `ConnectionState.DISCONNECTED`.
        reason: why the client is disconnected.
        cause: the error that led to it, if there is one.
        at: when it disconnected, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.DISCONNECTED
    reason: Reason
    cause: CometConnError | None = attrs.field(default=None, kw_only=True)
    at: float = attrs.field(kw_only=True)


@attrs.frozen
class Connecting:
    """An attempt is running.

    Attributes:
        state: `ConnectionState.CONNECTING`.
        attempt: the number of the attempt, counted from 1 since the last stable connection, or since the client was last `Disconnected`.
        at: when the attempt began, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.CONNECTING
    attempt: int
    at: float = attrs.field(kw_only=True)


@attrs.frozen
class Waiting:
    """The client waits for the time of the next attempt.

    Attributes:
        state: `ConnectionState.CONNECTING`.
        attempt: the number of that attempt.
        retry_at: when it will begin, on Trio's clock, in seconds.
        cause: the error that ended the connection or the attempt before.
        at: when the wait began, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.CONNECTING
    attempt: int
    retry_at: float
    cause: CometConnError | None = attrs.field(default=None, kw_only=True)
    at: float = attrs.field(kw_only=True)


@attrs.frozen
class Connected:
    """The server accepted the auth frame, and events are received.

    Attributes:
        state: `ConnectionState.CONNECTED`.
        attempt: the number of the attempt that succeeded.
        at: when the auth reply was read, on Trio's clock, in seconds.
    """

    state: ClassVar[ConnectionState] = ConnectionState.CONNECTED
    attempt: int
    at: float = attrs.field(kw_only=True)


Status: TypeAlias = Disconnected | Connecting | Waiting | Connected
"""One of the four status classes, all frozen. Compare `.state`, or match on the class."""


@attrs.frozen
class Features:
    """What the server accepts from the user over the socket: the value of `CometChat.features`.

    The server sends it at the login, in its setting `MODE`. CometChat calls a restriction *feature throttled*.

    Attributes:
        typing: `False`: `start_typing()` and `end_typing()` send nothing and return.
        receipts: `False`: `mark_as_delivered()` and `mark_as_read()` send nothing and raise `FeatureThrottledError`.
        transient: `False`: `send_transient()` sends nothing and returns.
        mode: `"DEFAULT"` (everything is sent), `"LIMITED_TRANSIENT"` (no typing, no receipts) or `"NO_TRANSIENT"`
            (none of the three).
    """

    typing: bool = True
    receipts: bool = True
    transient: bool = True
    mode: str = "DEFAULT"


@attrs.frozen
class StatusChange:
    """One change of the status, as `CometChat.statuses()` yields it.

    Attributes:
        previous: the status before the change; `None` in a subscriber's first item.
        current: the status after the change.
        skipped: how many changes before this one the subscriber missed because more than 256 waited for it; 0
            otherwise.
    """

    previous: Status | None
    current: Status
    skipped: int = 0
