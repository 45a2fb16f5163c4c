"""Dialling over real sockets: TCP, an HTTP proxy, TLS."""

from __future__ import annotations

import base64
import ssl

import pytest
import trio

from cometconn._transport.dial import dial

from .raw_server import raw_server, read_head


def no_tls() -> ssl.SSLContext:
    """For ws://, nobody asks for a context."""
    raise AssertionError


async def echo(stream: trio.SocketStream) -> None:
    """Send back what comes."""
    async for data in stream:
        await stream.send_all(data)


async def test_a_plain_connection() -> None:
    """ws:// is TCP and nothing else."""
    with trio.fail_after(10):
        async with raw_server(echo) as url, await dial(url, no_tls) as stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some(5) == b"hello"


async def test_nobody_listens() -> None:
    """A refused connection is an OSError."""
    async with raw_server(echo) as url:
        pass
    with trio.fail_after(10), pytest.raises(OSError, match="127.0.0.1"):
        await dial(url, no_tls)


async def test_through_a_proxy() -> None:
    """CONNECT names host and port and carries the credentials; what follows the answer is the server's."""
    heads: list[bytes] = []

    async def proxy(stream: trio.SocketStream) -> None:
        heads.append(await read_head(stream))
        await stream.send_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nfirst bytes")

    with trio.fail_after(10):
        async with raw_server(proxy) as url:
            address = url.replace("ws://", "http://me:p%40ss@")
            async with await dial("ws://[2001:db8::1]:81/x", no_tls, address) as stream:
                assert await stream.receive_some(11) == b"first bytes"
    assert heads[0].startswith(b"CONNECT [2001:db8::1]:81 HTTP/1.1\r\n")
    assert base64.b64encode(b"me:p@ss") in heads[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Who are you\r\n\r\n", b"SSH\r\n\r\n", b"", b"x" * 70_000])
async def test_a_proxy_that_refuses(answer: bytes) -> None:
    """Anything but a 2xx is an OSError that says so."""

    async def proxy(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(answer)

    with trio.fail_after(10):
        async with raw_server(proxy) as url:
            with pytest.raises(OSError, match="proxy"):
                await dial("ws://chat.example/", no_tls, url.replace("ws://", "http://"))


@pytest.mark.parametrize("answer", [b"this is no TLS at all, is it?", b""])
async def test_a_plain_server_on_a_tls_port(answer: bytes) -> None:
    """A failed TLS handshake is an error at once, and says what failed."""

    async def plain(stream: trio.SocketStream) -> None:
        await stream.receive_some(1)
        await stream.send_all(answer)

    with trio.fail_after(10):
        async with raw_server(plain) as url:
            with pytest.raises((OSError, trio.BrokenResourceError)):
                await dial(url.replace("ws://", "wss://"), ssl.create_default_context)


async def test_cancelled_during_tls_nothing_stays_open() -> None:
    """A TLS handshake that hangs can be cancelled, and the socket is closed."""
    closed = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        while await stream.receive_some(4096):
            pass
        closed.set()

    with trio.fail_after(10):
        async with raw_server(silent) as url:
            with trio.move_on_after(0.05):
                await dial(url.replace("ws://", "wss://"), ssl.create_default_context)
            await closed.wait()
