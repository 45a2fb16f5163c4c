"""States, wishes and inputs: the vocabulary of the transition table."""

from __future__ import annotations

import enum
from typing import Final, Protocol

from cometconn.status import Reason

__all__ = [
    "HEADING",
    "OUT",
    "RESTING",
    "WANTED",
    "IllegalInputError",
    "Input",
    "Mode",
    "Refusal",
    "State",
    "Waiter",
    "Wish",
]


class Mode(enum.Enum):
    """What decides whether a connection is wanted."""

    AUTO = "auto"
    """The app state: wanted in the foreground, not in the background."""
    MANUAL = "manual"
    """`connect()` and `disconnect()`."""


class State(enum.Enum):
    """The state of the connection: one for each reason to be disconnected, and three more."""

    NOT_LOGGED_IN = "not_logged_in"
    """No user has logged in yet."""
    LOGGED_OUT = "logged_out"
    """A user was logged in, and no longer is."""
    NOT_REQUESTED = "not_requested"
    """Manual mode: no wish."""
    IN_BACKGROUND = "in_background"
    """Auto mode: the app is in the background."""
    BACKGROUND_TIMEOUT = "background_timeout"
    """Manual mode: the lease has ended by its deadline, in the background."""
    LOST_IN_BACKGROUND = "lost_in_background"
    """Manual mode: the socket was lost in the background, or was being reconnected when the app went there."""
    DISCONNECT_CALLED = "disconnect_called"
    """The application has called `disconnect()`."""
    AUTHENTICATION_FAILED = "authentication_failed"
    """The token was refused, and so was its renewal."""
    CONNECT_FAILED = "connect_failed"
    """Manual mode: the attempt failed and the wish ended with it."""
    CLIENT_CLOSED = "client_closed"
    """The client was left."""
    CONNECTING = "connecting"
    """An attempt is under way."""
    WAITING = "waiting"
    """The time of the next attempt is set."""
    CONNECTED = "connected"
    """Authenticated."""

    @property
    def reason(self) -> Reason | None:
        """The public reason of a disconnected state; `None` for the other three states."""
        return _REASONS.get(self)


OUT = frozenset({State.NOT_LOGGED_IN, State.LOGGED_OUT})
"""No user is logged in."""
HEADING = frozenset({State.CONNECTING, State.WAITING})
"""Wanted and not connected yet."""
WANTED = HEADING | {State.CONNECTED}
"""There is a lease."""
RESTING = frozenset(State) - OUT - WANTED - {State.CLIENT_CLOSED}
"""Logged in, without a lease."""
_REASONS: Final = {state: Reason[state.name] for state in State if state not in WANTED}


class Wish(enum.Enum):
    """Why there is a lease in manual mode. In auto mode every wish stands by itself."""

    NONE = "none"
    """There is no reason: no `connect()` waits, and the wish was never connected."""
    AWAITED = "awaited"
    """A call of `connect()` waits."""
    STANDS = "stands"
    """No `connect()` waits, but the wish has been connected once and stands by itself."""


class Waiter(Protocol):
    """A call of `connect()` that waits. Known by identity."""

    @property
    def patient(self) -> bool:
        """Whether it goes on waiting when an attempt fails (`retry=True`)."""
        ...


class Input(enum.Enum):
    """Everything that can happen to a connection."""

    LOGGED_IN = "logged in"
    """`login()` succeeded, or a saved session was opened."""
    LOGGED_IN_AGAIN = "logged in again"
    """`login()` was called for the user who is logged in already."""
    LOGGED_OUT = "logged out"
    """`logout()` or `login()` of another user was called, or the server no longer knows the token."""
    CONNECT_CALLED = "connect()"
    """`connect()` was called."""
    CALLER_LEFT = "connect() cancelled"
    """A call of `connect()` was cancelled."""
    DISCONNECT_CALLED = "disconnect()"
    """`disconnect()` was called."""
    PING_CALLED = "ping()"
    """`ping()` was called."""
    ENTERED_BACKGROUND = "background"
    """`enter_background()` was called."""
    ENTERED_FOREGROUND = "foreground"
    """`enter_foreground()` was called."""
    RETRY_NOW = "retry_now()"
    """`retry_now()` was called, or the machine woke from sleep."""
    AUTHENTICATED = "authenticated"
    """The server accepted the auth frame."""
    RENEWAL_BEGAN = "renewal began"
    """The token was refused or is in doubt; it is renewed once, as part of the attempt."""
    ATTEMPT_FAILED = "attempt failed"
    """The attempt ended without an authenticated socket."""
    TOKEN_REFUSED = "token refused"  # noqa: S105 - not a secret
    """The token was refused, and so was its renewal."""
    LINK_LOST = "lost"
    """The authenticated socket was lost."""
    DEADLINE_REACHED = "deadline"
    """The lease has reached its deadline."""
    RETRY_DUE = "retry due"
    """The time of the next attempt has come."""
    CLIENT_LEFT = "client left"
    """`open_client()` is being left."""


class Refusal(enum.Enum):
    """Why a call is refused; it then changes nothing."""

    NOT_LOGGED_IN = "not logged in"
    NOT_CONNECTED = "not connected"
    IN_BACKGROUND = "in background"


class IllegalInputError(Exception):
    """What cannot happen in this state: a mistake in cometconn. Nothing has changed."""
