"""The default `Environment`: the network, the boot-time clock, and randomness. Public in `cometconn.environment`."""

from __future__ import annotations

import random
import ssl
import time
from typing import TYPE_CHECKING

from cometconn._account.http import fetch, open_response
from cometconn._arguments import check, checked, refused
from cometconn._network.urls import MEMORY_HOST, read_url
from cometconn._transport.dial import dial
from cometconn._transport.proxies import choose_proxies
from cometconn.errors import SettingsError

from .network_arguments import checked_headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    import trio

    from cometconn._account.streaming import BodyStream, StreamedResponse
    from cometconn._environment import Request, Response
    from cometconn._transport.proxies import Proxies
    from cometconn._transport.tls_stream import TlsSessions
    from cometconn.settings import Endpoints

__all__ = ["SystemEnvironment"]


class SystemEnvironment:
    """The real network, clock and randomness: what `open_client()` uses unless it gets an `environment`.

    REST and socket are dialled in the same way, with one TLS setting and one choice of proxies. To watch or change what
    the client does, write an `Environment` of your own that passes its calls on to this one.
    """

    @checked
    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:
        """Choose how servers are reached. Nothing is opened.

        Args:
            ssl_context: for REST, socket and an `https` proxy. By default the system's certificates, loaded when they
                are first needed.
            proxy: `http://[user:password@]host:port`; also `https`, `socks5h` and `socks5` (extra `socks`). `None`: from
                `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, and never for this machine. `""`: none.
            headers: more headers for REST requests; by default none. Those of the upgrade are
                `open_client(headers=...)`.
            endpoints: the servers that it is for, if they are not CometChat's cloud. Unencrypted requests to this
                machine must not go through a proxy, which could read them.

        Raises:
            SettingsError: a proxy or a header is invalid, or the endpoints are those of a server in memory.
        """
        if endpoints is not None and MEMORY_HOST in endpoints.socket_url:
            message = "These endpoints belong to a server in memory: pass it to open_client(environment=...), too."
            raise SettingsError(message)
        self._headers = checked_headers(headers)
        self._proxies = choose_proxies(proxy, endpoints)
        self._ssl_context = ssl_context
        self._tls_sessions: TlsSessions | None = None
        self._clock = _boot_clock()

    def __repr__(self) -> str:
        return "SystemEnvironment()"

    @property
    def proxies(self) -> Proxies:
        """The proxy for each address."""
        return self._proxies

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open a byte stream: name lookup, TCP, proxy, TLS.

        Raises `OSError`, `ssl.SSLError` or `trio.BrokenResourceError` when that fails. If cancelled, nothing stays open.
        The caller bounds the time.
        """
        check(SystemEnvironment.dial, locals())
        address = read_url(url.partition("?")[0])  # that of a request may have a query
        if address is None or address.scheme not in {"ws", "wss", "http", "https"}:
            where = "dial(url=...)"
            raise refused(where, "a URL such as wss://host:port/path", url)
        sessions = None
        if address.scheme == "wss":
            sessions = self._tls_sessions = {} if self._tls_sessions is None else self._tls_sessions
        return await dial(url, self.tls, self._proxies.leading_to(url), sessions)

    async def request(self, request: Request) -> Response:
        """Make one REST request with httpx2, following no redirect.

        Raises `OSError` when no complete response came. If cancelled, the connection is closed. The caller bounds the
        time.
        """
        check(SystemEnvironment.request, locals())
        return await fetch(request, dial=self.dial, headers={} if request.is_foreign else self._headers)

    def open_response(
        self, request: Request, body: BodyStream | None = None
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Make one REST request with httpx2, following no redirect, and read the response during the block.

        *body* is sent in place of the request's own, piece by piece.

        Entering, and reading, raises `OSError` when no complete response came. Leaving the block, also by a cancel,
        closes the connection. The caller bounds the time.
        """
        check(SystemEnvironment.open_response, locals())
        return open_response(request, body, dial=self.dial, headers={} if request.is_foreign else self._headers)

    def boot_time(self) -> float:
        """Return seconds on a clock that runs on while the machine sleeps, where the system has one."""
        return time.monotonic() if self._clock is None else time.clock_gettime(self._clock)

    def random(self) -> float:
        """Return a number from 0 (included) to 1 (excluded)."""
        return random.random()  # noqa: S311 - jitter, not secrets

    def tls(self) -> ssl.SSLContext:
        """Return the TLS setting."""
        # Loading the system's certificates takes tens of milliseconds: once, when first needed.
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context


def _boot_clock() -> int | None:
    """Return the best clock for `time.clock_gettime()`. Windows has neither, and a kernel may not know the first.

    Without a boot-time clock, a sleep of the machine is noticed only when the connection turns out to be lost.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(time, name, None)
        if number is not None:
            try:
                time.clock_gettime(number)
            except OSError:
                continue
            return int(number)
    return None
