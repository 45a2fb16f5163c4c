"""Details of connection attempts."""

from __future__ import annotations

from typing import Literal

import attrs

from .detail import Detail

__all__ = [
    "AttemptBegun",
    "AttemptFailed",
    "Authenticated",
    "ClientOpened",
    "Dialled",
    "RenewalBegun",
    "RetrySet",
    "TokenRefused",
    "Upgraded",
]


@attrs.frozen(kw_only=True)
class ClientOpened(Detail):
    """`open_client()` was entered. The first detail of every client.

    Attributes:
        app_id: the id of CometChat's app.
        mode: `"auto"` or `"manual"`.
        catch_up: whether missed messages are fetched.
        background_grace: in manual mode, the seconds that one sign of life keeps the connection in the background.
        version: the version of cometconn.
    """

    app_id: str
    mode: Literal["auto", "manual"]
    catch_up: bool
    background_grace: float
    version: str


@attrs.frozen(kw_only=True)
class AttemptBegun(Detail):
    """A WebSocket is being opened; `generation` is its number.

    Attributes:
        url: its URL, without the query.
        second: whether it follows the renewal of a refused token, and so belongs to the same attempt.
    """

    url: str
    second: bool


@attrs.frozen(kw_only=True)
class Dialled(Detail):
    """The byte stream is open: name lookup, TCP, proxy and TLS are done.

    Attributes:
        took: the time since the attempt began, in seconds.
        local_port: the port on this machine, which a server without a proxy in front of it sees, too; `None` if there
            is none, as in memory.
    """

    took: float
    local_port: int | None = None


@attrs.frozen(kw_only=True)
class Upgraded(Detail):
    """The server accepted the WebSocket upgrade with status 101; the auth frame is sent next.

    Attributes:
        took: the time since the byte stream was open, in seconds.
    """

    took: float


@attrs.frozen(kw_only=True)
class Authenticated(Detail):
    """The server accepted the auth frame: the client is connected.

    Attributes:
        took: the time since the upgrade, in seconds.
        attempt: the number of the attempt, counted from 1 since the last stable connection.
    """

    took: float
    attempt: int


@attrs.frozen(kw_only=True)
class AttemptFailed(Detail):
    """The attempt failed. An attempt that was cancelled because the lease ended is not reported.

    Attributes:
        attempt: the number of the attempt, counted from 1 since the last stable connection.
        cause: the error message.
        close_code: the server's close code (RFC 6455 section 7.4), if it sent one.
    """

    attempt: int
    cause: str
    close_code: int | None


@attrs.frozen(kw_only=True)
class RenewalBegun(Detail):
    """The token is renewed: the server refused it, or three times closed the socket or did not reply to the auth frame."""


@attrs.frozen(kw_only=True)
class TokenRefused(Detail):
    """The renewed token was refused, too: there is no further attempt until `login()` or `connect()`.

    Attributes:
        cause: the error message.
    """

    cause: str


@attrs.frozen(kw_only=True)
class RetrySet(Detail):
    """The time of the next attempt is set.

    Attributes:
        attempt: the number of that attempt.
        delay: the time until it begins, in seconds.
    """

    attempt: int
    delay: float
