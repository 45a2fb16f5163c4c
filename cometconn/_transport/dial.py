"""Opens a byte stream to a URL: name lookup, TCP, proxy, TLS. Each step can be done alone."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._groups import Ungrouped
from cometconn._network.os_errors import os_error_text, sole_os_error

from .http_connect import http_connect
from .proxy import ProxyError, ProxyFault
from .socks import socks_connect
from .tls import encrypt

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .proxy import Proxy
    from .tls_stream import TlsSessions

__all__ = ["Target", "dial", "local_port", "open_proxy", "open_tcp", "pass_through"]

_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}


@attrs.frozen
class Target:
    """Where a URL leads.

    Attributes:
        host: a name or an address, without brackets.
        port: the port.
        secure: with TLS.
    """

    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> Target:
        """Return the target of a URL whose scheme is `ws`, `wss`, `http` or `https`."""
        parts = urllib.parse.urlsplit(url)
        return cls(parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.scheme in {"wss", "https"})


async def dial(
    url: str,
    ssl_context: Callable[[], ssl.SSLContext],
    proxy: Proxy | None = None,
    sessions: TlsSessions | None = None,
) -> trio.abc.Stream:
    """Connect to the host and port of *url*, TLS handshake done for `wss` and `https`.

    Args:
        url: of the REST API or the WebSocket: both are reached in the same way.
        ssl_context: returns the context; called only when TLS is used.
        proxy: the proxy to go through.
        sessions: with it, TLS is that of a WebSocket: see `encrypt()`.

    Raises:
        OSError: name lookup, TCP, the proxy (`ProxyError`) or TLS (`ssl.SSLError`) failed.
        trio.BrokenResourceError: the connection broke during the TLS handshake.

    If cancelled, nothing stays open. The caller bounds the time.
    """
    target = Target.of(url)
    if proxy is None:
        stream: trio.abc.Stream = await open_tcp(target.host, target.port)
    else:
        stream = await pass_through(await open_proxy(proxy, ssl_context), proxy, target)
    return await encrypt(stream, ssl_context(), target.host, sessions) if target.secure else stream


async def open_tcp(host: str, port: int) -> trio.SocketStream:
    """Connect to the first address that accepts (RFC 8305). Raises `OSError`. The caller bounds the time."""
    if (family := _family_of(host)) is not None:
        # Trio would look for the fastest of several addresses, in tasks: a quarter of the time of a connection to loopback.
        socket = trio.socket.socket(family)
        try:
            await socket.connect((host, port))
        except BaseException:
            socket.close()
            raise
        return trio.SocketStream(socket)
    try:
        with Ungrouped():  # Trio tries several addresses at a time, in tasks
            return await trio.open_tcp_stream(host, port)
    except OSError as error:
        raise sole_os_error(error) from None


def _family_of(host: str) -> int | None:
    """Return the address family of *host* if it is an address in the usual form; `None` if it is a name."""
    for family in (trio.socket.AF_INET, trio.socket.AF_INET6):
        try:
            trio.socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None


async def open_proxy(proxy: Proxy, ssl_context: Callable[[], ssl.SSLContext]) -> trio.abc.Stream:
    """Connect to *proxy* itself, TLS handshake done for `https`. Raises `ProxyError`. The caller bounds the time."""
    try:
        stream = await open_tcp(proxy.host, proxy.port)
        return await encrypt(stream, ssl_context(), proxy.host) if proxy.scheme == "https" else stream
    except (OSError, trio.BrokenResourceError) as error:
        message = f"the proxy {proxy} cannot be reached: {os_error_text(error)}"
        raise ProxyError(ProxyFault.UNREACHABLE, message) from error


async def pass_through(stream: trio.abc.Stream, proxy: Proxy, target: Target) -> trio.abc.Stream:
    """Let *proxy*, at the other end of *stream*, connect to *target*; return the stream that leads there.

    Raises `ProxyError`, or `OSError` when this machine cannot look up the name. If it fails or is cancelled, *stream*
    is closed. The caller bounds the time.
    """
    try:
        if proxy.is_socks:
            assert isinstance(stream, trio.SocketStream), "SOCKS is not used inside TLS"
            await socks_connect(stream, proxy, target.host, target.port)
        else:
            await http_connect(stream, proxy, target.host, target.port)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


def local_port(stream: trio.abc.Stream) -> int | None:
    """Return the port on this machine of the socket below *stream*, or `None` if there is none or it is closed."""
    while (below := getattr(stream, "transport_stream", None)) is not None:
        stream = below
    if not isinstance(stream, trio.SocketStream):
        return None
    try:
        return int(stream.socket.getsockname()[1])
    except (IndexError, OSError):  # of a Unix socket, and of a closed one
        return None
