"""Map transport failures, refusals and the ends of connections to public errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn._lifecycle.states import Refusal
from cometconn._network.os_errors import without_traceback
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
    SettingsError,
)
from cometconn.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AUTH_ANSWER",
    "Failure",
    "attempt_error",
    "connect_error",
    "lost_error",
    "outside_error",
    "refusal_error",
    "timeout_error",
    "to_failure",
]

AUTH_ANSWER = "the answer to the auth frame"
"""The last step of an attempt, in words for an error."""

_REASON_TEXTS: Mapping[Reason | None, str] = {
    None: "the socket was lost; cometconn is reconnecting",
    Reason.NOT_LOGGED_IN: "no user is logged in",
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
    """How an attempt or a connection ended.

    Attributes:
        error: what `_transport` or a request raised, with texts of the server made harmless.
        retry_after: the delay that the server asked for, in seconds; 0 for none.
        restarting: the server announced a restart.
        refused: the server refused the token.
    """

    error: Exception
    retry_after: float = 0.0
    restarting: bool = False
    refused: bool = False


def to_failure(error: Exception, secrets: KnownSecrets | None = None) -> Failure:
    """Return what *error* means for the retries. In its text, *secrets* are masked and control characters escaped."""
    secrets = secrets or KnownSecrets()
    if isinstance(error, WebSocketClosedError) and error.reason:
        error = WebSocketClosedError(error.code, secrets.masked_line(error.reason))
    asked = error.retry_after if isinstance(error, UpgradeRefusedError | ApiError) else None
    return Failure(
        secrets.error(without_traceback(error)),
        retry_after=asked or 0.0,
        restarting=isinstance(error, WebSocketClosedError) and is_announced_restart(error.code),
    )


def timeout_error(step: str, seconds: float, blocked: str = "") -> TimeoutError:
    """Return the error of an attempt whose *step* was not done within `connect_timeout`, *seconds*.

    *blocked*: the words for how long the event loop was blocked meanwhile.
    """
    message = f"{step} took longer than connect_timeout, {seconds:g} s{blocked}"
    if step == AUTH_ANSWER:
        message += " (CometChat gives none to a token that is not a JWT)"
    return TimeoutError(message)


def attempt_error(error: Exception) -> ConnectError:
    """Return the error of a failed attempt."""
    failed = ConnectError(f"Could not connect: {_text(error)}.", reason=Reason.CONNECT_FAILED)
    failed.__cause__ = error
    return failed


def connect_error(reason: Reason, cause: BaseException | None) -> ConnectError:
    """Return the error of a `connect()` whose wait ended with *reason*; a new one for each call."""
    if reason is Reason.CONNECT_FAILED and isinstance(cause, ConnectError):
        error = ConnectError(cause.message, reason=reason)
        cause = cause.__cause__
    else:
        kind = AuthenticationError if reason is Reason.AUTHENTICATION_FAILED else ConnectError
        because = f" ({_text(cause)})" if isinstance(cause, NotLoggedInError) else ""
        error = kind(f"connect() ended without a connection: {_REASON_TEXTS[reason]}{because}.", reason=reason)
    error.__cause__ = cause
    return error


def lost_error(reason: Reason | None, cause: BaseException | None = None) -> ConnectionLostError:
    """Return the error of a connection that ended with *reason*; a new one for each call.

    *reason* is `None` if the socket was lost in the foreground.
    """
    ours = isinstance(cause, ConnectionLostError | ConnectError)  # its text would be the same again
    because = f" ({_text(cause)})" if isinstance(cause, Exception) and not ours else ""
    error = ConnectionLostError(f"The connection ended: {_REASON_TEXTS[reason]}{because}.", reason=reason)
    error.__cause__ = cause
    return error


def outside_error() -> SettingsError:
    """Return the error of a call that was made outside of the client's event loop."""
    message = (
        "The client was called from another thread, or outside of its event loop: call it in the loop's own thread, "
        "from others with trio.from_thread.run() and run_sync(), under asyncio with loop.call_soon_threadsafe()."
    )
    return SettingsError(message, code="NO_TRIO")


def refusal_error(refusal: Refusal, call: str, *, left: bool = False) -> CometConnError:
    """Return the error of a *call* that was refused. *left*: the client was left."""
    if left:
        return NotConnectedError(f"{call} came after open_client() was left: open a new client.")
    if refusal is Refusal.NOT_LOGGED_IN:
        return NotLoggedInError(f"{call} needs a logged-in user: call login() first.")
    if refusal is Refusal.NOT_CONNECTED:
        return NotConnectedError(f"{call} needs a connection and there is none: see chat.status, call connect().")
    return ConnectError(
        f"{call} is refused: {_REASON_TEXTS[Reason.IN_BACKGROUND]}; call it after enter_foreground().",
        reason=Reason.IN_BACKGROUND,
    )


def _text(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
