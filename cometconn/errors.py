"""Every error that cometconn raises on purpose: one class hierarchy, in which each error has a code.

`CometConnError.code` is CometChat's own code if there is one, so that an error can be looked up in its documentation.
`str(error)` describes what happened and what to do. The cause, if there is one, is chained (`__cause__`). No message
contains a token or a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ._modules import public_names

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
    "FileError",
    "LoginInProgressError",
    "NotConnectedError",
    "NotLoggedInError",
    "PongTimeoutError",
    "ProtocolError",
    "SendUncertainError",
    "SettingsError",
    "SlowConsumerError",
    "StoreError",
    "TraceError",
]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)


class CometConnError(Exception):
    """The base class of all errors that cometconn raises on purpose.

    Attributes:
        code: a short, stable name for programs: CometChat's own if there is one.
        message: the description for people, which is also `str(error)`.
        default_code: the `code` of this class's errors unless CometChat sent one.
    """

    default_code: ClassVar[str] = "COMETCONN_ERROR"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code: str = code or self.default_code
        self.message: str = message


class SettingsError(CometConnError):
    """A setting or an argument is invalid. A retry does not help: correct it."""

    default_code = "INVALID_SETTINGS"


class StoreError(CometConnError):
    """The saved session cannot be read, written or locked. Retry after the cause is removed.

    Its `code` is `STORE_IN_USE` if another client uses the store, otherwise `STORE_FAILED`.
    """

    default_code = "STORE_FAILED"


class LoginInProgressError(CometConnError):
    """`login()` was called while another `login()` of this client runs. Retry after that one has returned."""

    default_code = "LOGIN_IN_PROGRESS"


class ApiError(CometConnError):
    """CometChat's REST API refused a request, or did not respond to it.

    Retry only if `worth_retrying` is true, and not before `retry_after` seconds have passed if that is a number. Other
    requests fail again in the same way: correct what `code` names. The code also stands in the text of the error.

    Attributes:
        code: CometChat's error code (`ERR_UID_NOT_FOUND`, ...); `FAILED_TO_FETCH` if no complete response was received,
            `INVALID_RESPONSE` if a response was received that is not CometChat's.
        details: what CometChat sent as `details`; otherwise `None`.
        status: the HTTP status; `None` if no response was received.
        retry_after: the delay in seconds that the server asked for (`Retry-After`); `None` if it did not.
        sent: `False` if the request was certainly not sent: there was no connection, or too many other requests were
            under way. A retry then cannot do anything a second time.
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
        sent: bool = True,
    ) -> None:
        code = code or self.default_code
        super().__init__(message if code in message else f"{message.removesuffix('.')} ({code}).", code=code)
        self.details: Any = details
        self.status: int | None = status
        self.retry_after: float | None = retry_after
        self.sent: bool = sent

    @property
    def worth_retrying(self) -> bool:
        """Whether the same request may succeed later: no response was received, or its status is 408, 425, 429 or 5xx."""
        return self.status is None or self.status in self._TRANSIENT or self.status >= self._SERVER_ERRORS


class SendUncertainError(ApiError):
    """A message may have been sent or not, because no usable response was received.

    `await chat.resend(error)` looks for the message in its conversation, and sends it only if it is not there. Calling
    `send_text()` again may send it a second time. The other attributes are those of the failed request, as for every `ApiError`.

    Attributes:
        muid: the id of the message that was given, or made, before it was sent. `Message.muid` is the same.
    """

    def __init__(
        self,
        message: str,
        *,
        muid: str,
        code: str | None = None,
        details: Any = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details, status=status, retry_after=retry_after)
        self.muid: str = muid
        self._unconfirmed: Any = None  # what `resend()` needs


class NotLoggedInError(CometConnError):
    """The call needs a logged-in user and there is none. Call `login()` first.

    An event stream opened with `on_logout="raise"` raises it when its user was logged out.
    """

    default_code = "ERROR_USER_NOT_LOGGED_IN"


class NotConnectedError(CometConnError):
    """The call needs a connected socket and there is none. Call `connect()` first."""

    default_code = "NO_WEBSOCKET_CONNECTION"


class FeatureThrottledError(CometConnError):
    """The server currently accepts no receipts from this user's clients (`CometChat.features`); nothing was sent.

    A later retry may succeed: the server ends the restriction, and the client gets the new setting by `logout()` and
    `login()`. Only the receipt is lost.
    """

    default_code = "RECEIPTS_TEMPORARILY_BLOCKED"


class ConnectError(CometConnError):
    """`connect()` did not end in an authenticated connection.

    Attributes:
        reason: `CONNECT_FAILED` if the attempt failed, which is worth retrying; otherwise the reason of the
            `Disconnected` status that ended the wait.
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message, code=reason.name)
        self.reason: Reason = reason


class AuthenticationError(ConnectError):
    """The server refused the token, and the renewed one, too. Log in again."""


class ConnectionLostError(CometConnError):
    """The connection ended while it was needed.

    Attributes:
        reason: the reason of the `Disconnected` status, or `None` if the socket was lost in the foreground and the
            client reconnects. Retry after `connect()` has returned.
    """

    default_code = "CONNECTION_LOST"

    def __init__(self, message: str, *, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason: Reason | None = reason


class PongTimeoutError(CometConnError):
    """No pong was received in time. The connection stays open if other data was received meanwhile."""

    default_code = "PONG_TIMEOUT"


class ProtocolError(CometConnError):
    """The server sent something that RFC 6455 or CometChat's protocol does not allow."""

    default_code = "PROTOCOL_ERROR"


class DecodeError(ProtocolError):
    """A frame could not be decoded as the event that it claims to be.

    Attributes:
        path: the names that lead to the invalid field, outermost first, such as `("body", "data", "text")`; empty if
            the frame as a whole is invalid.
    """

    default_code = "DECODE_ERROR"

    def __init__(self, message: str, *, path: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.path: tuple[str, ...] = tuple(path)


class AppStateError(CometConnError):
    """A source of `cometconn.appstate` cannot start, because the system or an installed package lacks what it needs."""

    default_code = "APP_STATE_UNAVAILABLE"


class FileError(CometConnError):
    """A file cannot be sent or received: there is no such file, it is a folder, empty, too large or was changed meanwhile.

    Or what is received cannot be written. Nothing was sent, and no part of what was received is left.
    """

    default_code = "FILE_FAILED"


class SlowConsumerError(CometConnError):
    """An event stream opened with `overflow="fail"` was ended, because it was full.

    The stream yields the events that it still holds before it raises this. Open a new one to continue; events in
    between are lost.
    """

    default_code = "SLOW_CONSUMER"


class TraceError(CometConnError):
    """A trace file cannot be read, or is not a trace. See `cometconn.instrumentation`."""

    default_code = "UNREADABLE_TRACE"
