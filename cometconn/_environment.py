"""The protocol of what a client needs from outside. Public in `cometconn.environment`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from ._arguments import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    import trio

__all__ = ["Environment", "Request", "Response"]


@checked
@attrs.frozen
class Request:
    """One REST request, ready to send.

    Attributes:
        method: `"GET"`, `"POST"`, `"PUT"` or `"DELETE"`.
        url: the complete URL.
        headers: names and values. Not in the `repr`, because they contain tokens.
        body: JSON or a form, or `None` for no body. Not in the `repr`.
        is_foreign: whether it goes to another server than CometChat's API, where a file is kept. Nothing that is meant
            for CometChat's servers may be added to it, such as headers of the program.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    is_foreign: bool = False


@checked
@attrs.frozen
class Response:
    """The response to a `Request`.

    Attributes:
        status: the HTTP status.
        headers: names in lower case, and values.
        body: the complete body as received. Not in the `repr`.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


class Environment(Protocol):
    """What a client needs from outside: byte streams, REST requests, a boot clock and randomness."""

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open a byte stream to the host and port of *url* (`ws://` or `wss://`), and perform the TLS handshake.

        Raises `OSError`, `ssl.SSLError` or `trio.BrokenResourceError` if that fails. If cancelled, nothing stays open.
        The caller bounds the time.
        """
        ...

    async def request(self, request: Request) -> Response:
        """Make one REST request. Redirects are not followed.

        Raises `OSError` if no complete response is received. If cancelled, the connection is closed. The caller bounds
        the time.
        """
        ...

    def boot_time(self) -> float:
        """Return the seconds on a clock that continues while the computer sleeps."""
        ...

    def random(self) -> float:
        """Return a random number from 0 (inclusive) to 1 (exclusive), for jitter."""
        ...
