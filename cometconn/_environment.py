"""What the client takes from the world, behind one Protocol. Public in `cometconn.environment`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import trio

__all__ = ["Environment", "Request", "Response"]


@attrs.frozen
class Request:
    """One REST request, ready to send.

    Attributes:
        method: `"GET"`, `"POST"`, `"PUT"` or `"DELETE"`.
        url: the whole address.
        headers: names and values; not in the `repr`, tokens are among them.
        body: JSON, or `None` for no body; not in the `repr`.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Response:
    """The answer to a `Request`.

    Attributes:
        status: the HTTP status.
        headers: names in lower case, and values.
        body: the whole body, as it came; not in the `repr`.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


class Environment(Protocol):
    """The four things a client needs from outside."""

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open a byte stream to the host and port of *url* (`ws://` or `wss://`), TLS done.

        Raises `OSError`, `ssl.SSLError` or `trio.BrokenResourceError` when it
        cannot. If cancelled, nothing stays open. The caller bounds the time.
        """
        ...

    async def request(self, request: Request) -> Response:
        """Make one REST request, following no redirect.

        Raises `OSError` when no whole answer came. If cancelled, the connection is
        closed. The caller bounds the time.
        """
        ...

    def boot_time(self) -> float:
        """Seconds on a clock that goes on while the machine sleeps."""
        ...

    def random(self) -> float:
        """A number from 0 (included) to 1 (excluded), for jitter."""
        ...
