"""HTTP CONNECT (RFC 9110, section 9.3.6): a tunnel through an HTTP proxy to a server.

It is implemented here because it is short, needs no extra and works inside TLS. That of python-socks takes the proxy's
response for complete after one read: it fails when the response comes in two pieces, and loses what the server sends
at once behind it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import trio

from .http_head import HEAD_END, HEAD_LIMIT, read_status
from .proxy import ProxyError, ProxyFault, host_and_port

if TYPE_CHECKING:
    from .proxy import Proxy

__all__ = ["http_connect"]

_LONGEST_LINE = 100  # characters of a proxy's status line in an error message
_SUCCESSFUL = 2  # the first digit of a status
_WANTS_CREDENTIALS = 407
_CANNOT_REACH = frozenset({502, 503, 504})


async def http_connect(stream: trio.abc.Stream, proxy: Proxy, host: str, port: int) -> None:
    """Let *proxy*, at the other end of *stream*, open a tunnel to *host* and *port*; then *stream* leads there.

    Raises `ProxyError`. The caller closes *stream* if this fails or is cancelled, and bounds the time.
    """
    target = host_and_port(host, port)
    try:
        await stream.send_all(_request(target, proxy))
        head = await _read_head(stream, proxy)
    except trio.BrokenResourceError as error:
        message = f"the proxy {proxy} ended the connection instead of answering CONNECT"
        raise ProxyError(ProxyFault.NONSENSE, message) from error
    status = read_status(head)
    if status is None:
        message = f"the proxy {proxy} did not answer CONNECT with HTTP"
        raise ProxyError(ProxyFault.NONSENSE, message)
    if status // 100 != _SUCCESSFUL:
        raise _refusal(status, _shown(head, proxy), proxy, target)


def _request(target: str, proxy: Proxy) -> bytes:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.user is not None:
        pair = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {pair}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_head(stream: trio.abc.Stream, proxy: Proxy) -> bytes:
    head = b""
    while not head.endswith(HEAD_END):
        # One byte at a time: what follows the head belongs to the server behind the proxy.
        byte = await stream.receive_some(1)
        head += byte
        if not byte or len(head) > HEAD_LIMIT:
            message = f"the proxy {proxy} did not answer CONNECT with HTTP"
            raise ProxyError(ProxyFault.NONSENSE, message)
    return head


def _refusal(status: int, shown: str, proxy: Proxy, target: str) -> ProxyError:
    if status == _WANTS_CREDENTIALS:
        refused = "does not accept this user and password"
        wants = "wants a user and a password" if proxy.user is None else refused
        return ProxyError(ProxyFault.CREDENTIALS, f"the proxy {proxy} {wants} ({shown})")
    if status in _CANNOT_REACH:
        return ProxyError(ProxyFault.TARGET, f"the proxy {proxy} cannot reach {target} ({shown})")
    return ProxyError(ProxyFault.REFUSED, f"the proxy {proxy} refuses to lead to {target} ({shown})")


def _shown(head: bytes, proxy: Proxy) -> str:
    line = head.split(b"\r\n", 1)[0].decode("utf-8", "replace")
    return proxy.secrets.masked_line(line, _LONGEST_LINE)
