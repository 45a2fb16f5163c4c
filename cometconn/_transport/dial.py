"""Opening a byte stream to a WebSocket URL: name lookup, TCP, proxy, TLS."""

from __future__ import annotations

import base64
import re
import ssl
import urllib.parse
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["dial"]

_PORTS = {"ws": 80, "wss": 443}
_HEAD_LIMIT = 64 * 1024
_LONGEST_ANSWER = 100  # shown in an error, which a proxy's nonsense must not fill
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")


async def dial(url: str, ssl_context: Callable[[], ssl.SSLContext], proxy: str | None = None) -> trio.abc.Stream:
    """Connect to the host and port of *url*, TLS handshake done for `wss`.

    Args:
        url: `ws://` or `wss://`.
        ssl_context: gives the context; asked only for `wss`.
        proxy: an HTTP proxy to go through by CONNECT, `http://[user:password@]host:port`.

    Raises:
        OSError: name lookup, TCP, the proxy or TLS failed (`ssl.SSLError` is one).
        trio.BrokenResourceError: the connection broke during the TLS handshake.

    If cancelled, nothing stays open. The caller bounds the time.
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    stream = await _open_tcp(host, port, proxy)
    if parts.scheme == "ws":
        return stream
    secure = trio.SSLStream(stream, ssl_context(), server_hostname=host, https_compatible=True)
    try:
        await secure.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(stream)
        raise error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error from None
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secure


async def _open_tcp(host: str, port: int, proxy: str | None) -> trio.SocketStream:
    if proxy is None:
        return await trio.open_tcp_stream(host, port)
    parts = urllib.parse.urlsplit(proxy)
    stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 80)
    try:
        await stream.send_all(_connect_request(host, port, parts))
        await _read_connect_answer(stream)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


def _connect_request(host: str, port: int, proxy: urllib.parse.SplitResult) -> bytes:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{urllib.parse.unquote(proxy.username)}:{urllib.parse.unquote(proxy.password or '')}"
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(pair.encode()).decode())
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_connect_answer(stream: trio.SocketStream) -> None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        # One byte at a time: what follows the head belongs to the server behind the proxy.
        byte = await stream.receive_some(1)
        head += byte
        if not byte or len(head) > _HEAD_LIMIT:
            message = "the proxy did not answer CONNECT with HTTP"
            raise OSError(message)
    status = _STATUS_LINE.match(head)
    if status is None or not status[1].startswith(b"2"):
        answer = head.split(b"\r\n", 1)[0].decode("ascii", "replace")[:_LONGEST_ANSWER]
        message = f"the proxy refused CONNECT: {''.join(char if char.isprintable() else ' ' for char in answer)}"
        raise OSError(message)
