"""Dialling over real sockets: TCP, an HTTP proxy, TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import traceback
import urllib.parse
from typing import Any

import pytest
import trio
import trio.testing

from cometconn._transport.dial import Target, dial
from cometconn._transport.proxy import Proxy, ProxyError, ProxyFault, read_proxy
from tests.conformance.authority import Authority

from .proxies import http_proxy, socks_proxy, tls_front
from .raw_server import raw_server


def no_tls() -> ssl.SSLContext:
    """No context is needed for ws://."""
    raise AssertionError


def proxy_at(url: str) -> Proxy:
    """The proxy that a URL names."""
    proxy = read_proxy(url)
    assert proxy is not None
    return proxy


def port_of(url: str) -> int:
    """The port in a URL."""
    port = urllib.parse.urlsplit(url).port
    assert port is not None
    return port


class Resolver(trio.abc.HostnameResolver):
    """Resolves every name, chat.test for instance, to this machine."""

    async def getaddrinfo(self, host: Any, port: Any, family: int = 0, *more: int) -> Any:
        """Return the address of this machine."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        """Is not called."""
        raise NotImplementedError


async def echo(stream: trio.SocketStream) -> None:
    """Send back what comes."""
    async for data in stream:
        await stream.send_all(data)


async def test_a_plain_connection() -> None:
    """A ws:// URL is dialled over TCP alone."""
    with trio.fail_after(10):
        async with raw_server(echo) as url, await dial(url, no_tls) as stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some(5) == b"hello"


async def test_cancelled_before_the_server_accepts_nothing_stays_open() -> None:
    """A connection to an address is cancelled while the server's queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        address = server.getsockname()
        for _ in range(3):
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(address)
        made: list[socket.socket] = []

        class Factory(trio.abc.SocketFactory):
            def socket(self, *of: int) -> trio.socket.SocketType:
                made.append(socket.socket(*of))
                return trio.socket.from_stdlib_socket(made[-1])

        trio.socket.set_custom_socket_factory(Factory())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dial, f"ws://127.0.0.1:{address[1]}", no_tls)
            await trio.testing.wait_all_tasks_blocked()
            assert made[0].fileno() >= 0
            nursery.cancel_scope.cancel()
        assert [each.fileno() for each in made] == [-1]


async def test_a_port_without_a_listener() -> None:
    """A refused connection raises an OSError."""
    async with raw_server(echo) as url:
        pass
    with trio.fail_after(10), pytest.raises(OSError, match="127.0.0.1"):
        await dial(url, no_tls)


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h", "socks5"])
async def test_through_a_proxy(scheme: str) -> None:
    """Through each kind of proxy, TLS to the server is inside the tunnel."""
    authority = Authority()
    kind = (
        socks_proxy()
        if scheme.startswith("socks")
        else http_proxy(context=authority.server(None) if scheme == "https" else None)
    )
    with trio.fail_after(20):
        async with raw_server(echo) as url, kind as real:
            async with tls_front(authority.server(None), port_of(url)) as front:
                proxy = proxy_at(real.url(scheme))
                async with await dial(f"wss://127.0.0.1:{front}/x", authority.client, proxy) as stream:
                    await stream.send_all(b"hello")
                    assert await stream.receive_some(5) == b"hello"
    assert real.asked == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("scheme", "asked"), [("socks5h", "chat.test"), ("socks5", "127.0.0.1"), ("http", "chat.test")]
)
async def test_where_the_name_is_looked_up(scheme: str, asked: str) -> None:
    """The proxy looks up the host name; with `socks5` this machine does."""
    trio.socket.set_custom_hostname_resolver(Resolver())
    with trio.fail_after(20):
        async with raw_server(echo) as url, socks_proxy() if scheme != "http" else http_proxy() as real:
            async with await dial(f"ws://chat.test:{port_of(url)}", no_tls, proxy_at(real.url(scheme))) as stream:
                await stream.send_all(b"hello")
                assert await stream.receive_some(5) == b"hello"
    assert real.asked == [asked]


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
async def test_a_proxy_that_is_not_there(scheme: str) -> None:
    """The error of a proxy that does not run names the proxy, not the server, and does not contain the password."""
    async with raw_server(echo) as url:
        pass
    proxy = proxy_at(f"{scheme}://me:s3cret@127.0.0.1:{port_of(url)}")
    with (
        trio.fail_after(20),
        pytest.raises(ProxyError, match=r"the proxy .* cannot be reached: Connection refused") as caught,
    ):
        await dial("wss://chat.test", no_tls, proxy)
    assert caught.value.fault is ProxyFault.UNREACHABLE
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


async def test_a_proxy_whose_certificate_is_bad() -> None:
    """The certificate of a proxy is checked like that of a server."""
    with trio.fail_after(20):
        async with http_proxy(context=Authority().server("self-signed")) as real:
            with pytest.raises(ProxyError, match=r"the proxy .* cannot be reached: certificate verify failed"):
                await dial("wss://chat.test", ssl.create_default_context, proxy_at(real.url("https")))


async def test_cancelled_before_the_proxy_replies_nothing_stays_open() -> None:
    """A dial cancelled before the proxy replies closes the connection to it."""
    closed = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        while await stream.receive_some(4096):
            pass
        closed.set()

    with trio.fail_after(10):
        for scheme in ("http", "socks5h"):
            async with raw_server(silent) as url:
                with trio.move_on_after(0.05):
                    await dial("wss://chat.test", no_tls, proxy_at(url.replace("ws", scheme)))
                await closed.wait()


def test_where_a_url_leads() -> None:
    """A URL without a port has the port of its scheme."""
    assert Target.of("wss://chat.test") == Target("chat.test", 443, secure=True)
    assert Target.of("http://[::1]:81/x?y") == Target("::1", 81, secure=False)


@pytest.mark.parametrize("answer", [b"this is no TLS at all, is it?", b""])
async def test_a_plain_server_on_a_tls_port(answer: bytes) -> None:
    """A failed TLS handshake raises an error at once."""

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
