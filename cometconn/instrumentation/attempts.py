"""How a connection comes to be, or does not."""

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
        app_id: CometChat's app.
        mode: `"auto"` or `"manual"`.
        catch_up: missed messages are fetched.
        background_grace: manual mode: how long one sign of life lasts in the background, in seconds.
        version: the version of cometconn.
    """

    app_id: str
    mode: Literal["auto", "manual"]
    catch_up: bool
    background_grace: float
    version: str


@attrs.frozen(kw_only=True)
class AttemptBegun(Detail):
    """A WebSocket is begun: `generation` is its number.

    Attributes:
        url: where it leads, without a query.
        second: it follows the renewal of a refused token, and is part of the same attempt.
    """

    url: str
    second: bool


@attrs.frozen(kw_only=True)
class Dialled(Detail):
    """The byte stream is there: name lookup, TCP, proxy and TLS are done.

    Attributes:
        took: since the attempt began, in seconds.
    """

    took: float


@attrs.frozen(kw_only=True)
class Upgraded(Detail):
    """The server answered the WebSocket upgrade with 101; the auth frame is sent next.

    Attributes:
        took: since the byte stream was there, in seconds.
    """

    took: float


@attrs.frozen(kw_only=True)
class Authenticated(Detail):
    """The server accepted the auth frame: connected.

    Attributes:
        took: since the upgrade, in seconds.
        attempt: which attempt succeeded, from 1 since the last stable connection.
    """

    took: float
    attempt: int


@attrs.frozen(kw_only=True)
class AttemptFailed(Detail):
    """The attempt ended without a connection, and not because nobody wanted it any longer.

    Attributes:
        attempt: which, from 1 since the last stable connection.
        cause: why, in words.
        close_code: the server's close code (RFC 6455 section 7.4), if it sent one.
    """

    attempt: int
    cause: str
    close_code: int | None


@attrs.frozen(kw_only=True)
class RenewalBegun(Detail):
    """The server refused the token, or closed or stayed silent three times instead of an answer."""


@attrs.frozen(kw_only=True)
class TokenRefused(Detail):
    """The token was refused for good: no attempt until `login()` or `connect()`.

    Attributes:
        cause: why, in words.
    """

    cause: str


@attrs.frozen(kw_only=True)
class RetrySet(Detail):
    """The time of the next attempt is set.

    Attributes:
        attempt: the number it will have.
        delay: in how many seconds it will be made.
    """

    attempt: int
    delay: float
