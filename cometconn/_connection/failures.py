"""From what happened to the error that says so: one function for each kind of news."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn._lifecycle.states import Refusal
from cometconn._text.foreign_text import KnownSecrets
from cometconn._transport.abc import UpgradeRefusedError, WebSocketClosedError
from cometconn._wire.close import is_announced_restart
from cometconn.errors import (
    ApiError,
    AuthenticationError,
    CometConnError,
    ConnectError,
    ConnectionLostError,
    NotConnectedError,
    NotLoggedInError,
)
from cometconn.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AUTH_ANSWER",
    "Failure",
    "attempt_error",
    "connect_error",
    "failure",
    "lost_error",
    "refusal_error",
    "timeout_error",
]

AUTH_ANSWER = "the answer to the auth frame"
"""The step of an attempt that ends with being authenticated."""

_ENDINGS: Mapping[Reason | None, str] = {
    None: "the socket was lost; cometconn is reconnecting",
    Reason.NOT_LOGGED_IN: "nobody is logged in",
    Reason.NOT_REQUESTED: "the last connect() was cancelled",
    Reason.IN_BACKGROUND: "the app is in the background, where auto mode keeps no connection",
    Reason.BACKGROUND_TIMEOUT: "the background grace ran out without a ping()",
    Reason.LOST_IN_BACKGROUND: "the socket was lost in the background, where manual mode does not reconnect",
    Reason.DISCONNECT_CALLED: "disconnect() was called",
    Reason.LOGGED_OUT: "the user was logged out",
    Reason.AUTHENTICATION_FAILED: "the server refused the auth token, and its renewal too; log in again",
    Reason.CONNECT_FAILED: "the attempt failed",
    Reason.CLIENT_CLOSED: "the client was closed",
}


@attrs.frozen
class Failure:
    """How an attempt or a connection ended, as the link's tasks saw it.

    Attributes:
        error: the error of the door to the socket, or what else went wrong.
        retry_after: the delay the server asked for, in seconds.
        restarting: the server announced a restart.
        refused: the server refused the token.
    """

    error: Exception
    retry_after: float = 0.0
    restarting: bool = False
    refused: bool = False


def failure(error: Exception, secrets: KnownSecrets | None = None) -> Failure:
    """Return what *error* means for the retries. What it says of the other side's words is harmless, *secrets* included."""
    secrets = secrets or KnownSecrets()
    if isinstance(error, WebSocketClosedError) and error.reason:
        error = WebSocketClosedError(error.code, secrets.line(error.reason))
    asked = error.retry_after if isinstance(error, UpgradeRefusedError | ApiError) else None
    return Failure(
        secrets.error(error),
        retry_after=asked or 0.0,
        restarting=isinstance(error, WebSocketClosedError) and is_announced_restart(error.code),
    )


def timeout_error(step: str, seconds: float) -> TimeoutError:
    """Return the error of an attempt whose *step* was not done within connect_timeout, *seconds*."""
    message = f"{step} took longer than connect_timeout, {seconds:g} s"
    if step == AUTH_ANSWER:
        message += " (CometChat gives none to a token that is not a JWT)"
    return TimeoutError(message)


def attempt_error(error: Exception) -> ConnectError:
    """Return the error of a failed attempt."""
    made = ConnectError(f"Could not connect: {_words(error)}.", reason=Reason.CONNECT_FAILED)
    made.__cause__ = error
    return made


def connect_error(reason: Reason, cause: BaseException | None) -> ConnectError:
    """Return the error of a `connect()` whose wait ended with *reason*; a new one for each caller."""
    if reason is Reason.CONNECT_FAILED and isinstance(cause, ConnectError):
        made = ConnectError(cause.message, reason=reason)
        cause = cause.__cause__
    else:
        kind = AuthenticationError if reason is Reason.AUTHENTICATION_FAILED else ConnectError
        because = f" ({_words(cause)})" if isinstance(cause, NotLoggedInError) else ""
        made = kind(f"connect() ended without a connection: {_ENDINGS[reason]}{because}.", reason=reason)
    made.__cause__ = cause
    return made


def lost_error(reason: Reason | None, cause: BaseException | None = None) -> ConnectionLostError:
    """Return the error of a connection that ended with *reason*; a new one for each caller."""
    ours = isinstance(cause, ConnectionLostError | ConnectError)  # which would say the same again
    because = f" ({_words(cause)})" if isinstance(cause, Exception) and not ours else ""
    made = ConnectionLostError(f"The connection ended: {_ENDINGS[reason]}{because}.", reason=reason)
    made.__cause__ = cause
    return made


def refusal_error(refusal: Refusal, call: str) -> CometConnError:
    """Return the error of a *call* that was refused."""
    if refusal is Refusal.NOT_LOGGED_IN:
        return NotLoggedInError(f"{call} needs a logged-in user: call login() first.")
    if refusal is Refusal.NOT_CONNECTED:
        return NotConnectedError(f"{call} needs a connection and there is none: see chat.status, call connect().")
    return ConnectError(
        f"{call} is refused: {_ENDINGS[Reason.IN_BACKGROUND]}; call it after enter_foreground().",
        reason=Reason.IN_BACKGROUND,
    )


def _words(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
