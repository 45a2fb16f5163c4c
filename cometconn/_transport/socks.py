"""SOCKS5 (RFC 1928 and 1929) by python-socks, an optional extra. Only this module imports it."""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any, cast

import trio

from .proxy import ProxyError, ProxyFault, host_and_port

if TYPE_CHECKING:
    from .proxy import Proxy

__all__ = ["is_installed", "socks_connect"]

# RFC 1928 section 6.
_REPLIES = {
    0x01: (ProxyFault.TARGET, "reports a general failure"),
    0x02: (ProxyFault.REFUSED, "does not allow it"),
    0x03: (ProxyFault.TARGET, "reports that the network is unreachable"),
    0x04: (ProxyFault.TARGET, "reports that the host is unreachable"),
    0x05: (ProxyFault.TARGET, "reports that the connection was refused"),
    0x06: (ProxyFault.TARGET, "reports that the host is too far away (TTL expired)"),
    0x07: (ProxyFault.REFUSED, "does not do CONNECT"),
    0x08: (ProxyFault.REFUSED, "does not know this kind of address"),
}
# python-socks distinguishes these by the message alone; a test checks that it still has these words.
_REFUSALS = {
    "No acceptable authentication methods": "requires another authentication: a user and a password, or another method",
    "authentication failure": "does not accept this user and password",
}


def is_installed() -> bool:
    """Return whether the extra is installed."""
    return importlib.util.find_spec("python_socks") is not None


async def socks_connect(stream: trio.SocketStream, proxy: Proxy, host: str, port: int) -> None:
    """Let *proxy*, at the other end of *stream*, connect to *host* and *port*; then *stream* leads there.

    Raises `ProxyError`, or `OSError` when this machine cannot look up *host* (`socks5`). The caller closes *stream* if
    this fails or is cancelled, and bounds the time.
    """
    from python_socks import ProxyError as Refusal  # noqa: PLC0415 - an extra
    from python_socks import ProxyType  # noqa: PLC0415
    from python_socks.async_.trio import Proxy as Client  # noqa: PLC0415

    reached = cast("Any", _Reached(stream.socket))  # python-socks uses only its connect()
    user, password = (None, None) if proxy.user is None else (proxy.user, proxy.password)
    client = Client(
        ProxyType.SOCKS5, proxy.host, proxy.port, user, password, rdns=proxy.scheme == "socks5h", forward=reached
    )
    try:
        await client.connect(host, port, timeout=math.inf)  # the caller bounds the time
    except Refusal as error:
        raise _refusal(error.error_code, str(error), proxy, host_and_port(host, port)) from None
    except (ConnectionError, ValueError) as error:
        message = f"the proxy {proxy} does not answer as a SOCKS5 proxy does"
        raise ProxyError(ProxyFault.NONSENSE, message) from error


class _Reached:
    """In place of the proxy before this one in a chain of python-socks: returns the connection that is already open."""

    def __init__(self, socket: trio.socket.SocketType) -> None:
        self._socket = socket

    async def connect(self, **_: object) -> trio.socket.SocketType:
        await trio.lowlevel.checkpoint()
        return self._socket


def _refusal(code: int | None, words: str, proxy: Proxy, target: str) -> ProxyError:
    if code in _REPLIES:
        fault, reply = _REPLIES[code]
        return ProxyError(fault, f"the proxy {proxy} does not lead to {target}: it {reply}")
    for begin, meaning in _REFUSALS.items():
        if begin in words:
            return ProxyError(ProxyFault.CREDENTIALS, f"the proxy {proxy} {meaning}")
    return ProxyError(
        ProxyFault.NONSENSE,
        f"the proxy {proxy} does not answer as a SOCKS5 proxy does: {proxy.secrets.masked_line(words)}",
    )
