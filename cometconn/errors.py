"""Every error that cometconn raises on purpose: one tree, each with a code.

`CometConnError.code` is CometChat's own code where CometChat has one, so that an
error can be looked up in its documentation; `str(error)` says what happened and
what to do about it. The cause, where there is one, is chained (`__cause__`).
No message ever holds a token or a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .status import Reason

__all__ = [
    "ApiError",
    "AppStateError",
    "AuthenticationError",
    "CometConnError",
    "ConnectError",
    "ConnectionLostError",
    "DecodeError",
    "FeatureThrottledError",
    "LoginInProgressError",
    "NotConnectedError",
    "NotLoggedInError",
    "PongTimeoutError",
    "ProtocolError",
    "SettingsError",
    "SlowConsumerError",
    "StoreError",
    "TraceError",
]


class CometConnError(Exception):
    """Root of everything cometconn raises on purpose.

    Attributes:
        code: a short, stable name for programs: CometChat's where it has one.
        message: the sentence for people; the same as `str(error)`.
    """

    default_code: ClassVar[str] = "COMETCONN_ERROR"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code: str = code or self.default_code
        self.message: str = message


class SettingsError(CometConnError):
    """A setting or an argument makes no sense. Not worth retrying: correct it."""

    default_code = "INVALID_SETTINGS"


class StoreError(CometConnError):
    """The saved session cannot be read, written or locked. Retry once that is mended.

    Its `code` is `STORE_IN_USE` when another client has it, else `STORE_FAILED`.
    """

    default_code = "STORE_FAILED"


class LoginInProgressError(CometConnError):
    """`login()` was called while another `login()` of this client runs."""

    default_code = "LOGIN_IN_PROGRESS"


class ApiError(CometConnError):
    """CometChat's REST API refused a request, or did not answer it.

    Attributes:
        code: CometChat's error code (`ERR_UID_NOT_FOUND`, ...); `FAILED_TO_FETCH` when no
            whole answer came, `INVALID_RESPONSE` when one came that is not CometChat's.
        details: what CometChat sent as `details`, else `None`.
        status: the HTTP status; `None` when no answer came at all.
        retry_after: the delay that the server asked for (`Retry-After`), in seconds; `None` when it did not.
    """

    default_code = "FAILED_TO_FETCH"
    _TRANSIENT: ClassVar = frozenset({408, 425, 429})
    _SERVER_ERRORS: ClassVar = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Any = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.details: Any = details
        self.status: int | None = status
        self.retry_after: float | None = retry_after

    @property
    def worth_retrying(self) -> bool:
        """Whether the same request may succeed later: no answer came, or the status is 408, 425, 429 or from 500 up."""
        return self.status is None or self.status in self._TRANSIENT or self.status >= self._SERVER_ERRORS


class NotLoggedInError(CometConnError):
    """The call needs a logged-in user and there is none. Call `login()` first."""

    default_code = "ERROR_USER_NOT_LOGGED_IN"


class NotConnectedError(CometConnError):
    """The call needs a connected socket and there is none. Call `connect()` first."""

    default_code = "NO_WEBSOCKET_CONNECTION"


class FeatureThrottledError(CometConnError):
    """The server takes no receipts from this user's clients at present (`CometChat.features`); nothing was sent.

    Worth retrying later: the server lifts it, and a client hears of that at the user's next `login()` after a
    `logout()`. Nothing is lost but the receipt.
    """

    default_code = "RECEIPTS_TEMPORARILY_BLOCKED"


class ConnectError(CometConnError):
    """`connect()` did not end in an authenticated connection.

    Attributes:
        reason: why: `CONNECT_FAILED` when the attempt failed (worth retrying),
            else the reason of the `Disconnected` status that ended the wait.
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message, code=reason.name)
        self.reason: Reason = reason


class AuthenticationError(ConnectError):
    """The server refused the token, and a renewed one too. Log in again."""


class ConnectionLostError(CometConnError):
    """The connection ended while it was needed.

    Attributes:
        reason: the reason of the `Disconnected` status, or `None` when the socket
            was lost in the foreground and is being reconnected. Worth retrying
            once `connect()` has returned.
    """

    default_code = "CONNECTION_LOST"

    def __init__(self, message: str, *, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason: Reason | None = reason


class PongTimeoutError(CometConnError):
    """No pong came in time. The link stays if other bytes came meanwhile."""

    default_code = "PONG_TIMEOUT"


class ProtocolError(CometConnError):
    """The server sent what neither RFC 6455 nor CometChat's protocol allows."""

    default_code = "PROTOCOL_ERROR"


class DecodeError(ProtocolError):
    """A frame could not be read as the event it claims to be.

    Attributes:
        path: the way to the bad field, outermost name first, e.g.
            `("body", "data", "text")`; empty when the frame as a whole is bad.
    """

    default_code = "DECODE_ERROR"

    def __init__(self, message: str, *, path: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.path: tuple[str, ...] = tuple(path)


class AppStateError(CometConnError):
    """A source of `cometconn.appstate` cannot begin: this system, or what is installed, does not have what it needs."""

    default_code = "APP_STATE_UNAVAILABLE"


class SlowConsumerError(CometConnError):
    """An event stream opened with `overflow="fail"` fell behind and was ended.

    What the stream still held is handed out first. Open a new one to go on; what came in between is lost.
    """

    default_code = "SLOW_CONSUMER"


class TraceError(CometConnError):
    """A trace file cannot be read, or is none. See `cometconn.instrumentation`."""

    default_code = "UNREADABLE_TRACE"
