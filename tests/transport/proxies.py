"""Proxies that really work, on loopback: HTTP CONNECT and SOCKS5, with a password or without; and TLS before a server."""

from __future__ import annotations

import base64
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import trio

__all__ = ["RealProxy", "http_proxy", "socks_proxy", "tls_front"]

NAMES = (
    ".test",
    ".example",
    ".cometchat.io",
)  # names that only these proxies can look up: all of them are this machine


@attrs.define(eq=False)
class RealProxy:
    """A running proxy.

    Attributes:
        address: host and port.
        asked: the host of each request, as the client sent it.
        wrong: the number of connections with a missing or wrong password.
        answer: what it replies instead of connecting; for SOCKS the code of the reply.
        ports: maps a requested port to the port that it connects to, so that 443 leads to the test server.
    """

    address: str
    pair: tuple[str, str] | None
    answer: bytes | None = None
    asked: list[str] = attrs.field(factory=list)
    wrong: int = 0
    ports: dict[int, int] = attrs.field(factory=dict)

    def url(self, scheme: str, *, user: str = "") -> str:
        """Its URL, with the password if there is a user in it."""
        return f"{scheme}://{user}{'@' if user else ''}{self.address}"

    async def reach(self, host: str, port: int) -> trio.SocketStream:
        """Look up, and connect."""
        self.asked.append(host)
        return await trio.open_tcp_stream("127.0.0.1" if host.endswith(NAMES) else host, self.ports.get(port, port))


@asynccontextmanager
async def listening(
    talk: Callable[[trio.abc.Stream], Awaitable[None]], context: ssl.SSLContext | None = None
) -> AsyncGenerator[int, None]:
    """Serve on a loopback port, for the block."""

    async def serve(socket: trio.SocketStream) -> None:
        stream: trio.abc.Stream = socket
        if context is not None:
            stream = trio.SSLStream(socket, context, server_side=True, https_compatible=True)
        try:
            await talk(stream)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def join(one: trio.abc.Stream, other: trio.abc.Stream) -> None:
    """Pass bytes on, both ways, until both have ended, or one of them breaks."""

    async def copy(source: trio.abc.Stream, to: trio.abc.Stream) -> None:
        while data := await source.receive_some(65536):
            await to.send_all(data)
        if isinstance(to, trio.abc.HalfCloseableStream):
            await to.send_eof()
        else:
            await to.aclose()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(copy, one, other)
            nursery.start_soon(copy, other, one)
    finally:
        await trio.aclose_forcefully(other)


async def exactly(stream: trio.abc.Stream, size: int) -> bytes:
    """Read so many bytes."""
    data = b""
    while len(data) < size:
        piece = await stream.receive_some(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


@asynccontextmanager
async def http_proxy(
    pair: tuple[str, str] | None = None, *, answer: bytes | None = None, context: ssl.SSLContext | None = None
) -> AsyncGenerator[RealProxy, None]:
    """An HTTP proxy that does CONNECT, with Basic auth if there is a *pair*."""
    proxy = RealProxy("", pair, answer)
    wanted = None if pair is None else b"Basic " + base64.b64encode(":".join(pair).encode())

    async def talk(stream: trio.abc.Stream) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await exactly(stream, 1)
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.decode().split(" ")
        given = [line.partition(b": ")[2] for line in lines if line.lower().startswith(b"proxy-authorization: ")]
        if wanted is not None and given != [wanted]:
            proxy.wrong += 1
            await stream.send_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"
            )
            return
        host, _, port = target.rpartition(":")
        if proxy.answer is not None:
            proxy.asked.append(host)
            await stream.send_all(proxy.answer)
            return
        assert method == "CONNECT"
        try:
            server = await proxy.reach(host.strip("[]"), int(port))
        except OSError:
            await stream.send_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        # In two pieces: a response is complete when its head is, and not after the first read.
        await stream.send_all(b"HTTP/1.1 200 Connection est")
        await stream.send_all(b"ablished\r\nVia: 1.1 test\r\n\r\n")
        await join(stream, server)

    async with listening(talk, context) as port:
        proxy.address = f"127.0.0.1:{port}"
        yield proxy


@asynccontextmanager
async def socks_proxy(
    pair: tuple[str, str] | None = None, *, answer: bytes | None = None
) -> AsyncGenerator[RealProxy, None]:
    """A SOCKS5 proxy (RFC 1928), with user and password (RFC 1929) if there is a *pair*."""
    proxy = RealProxy("", pair, answer)

    async def admit(stream: trio.abc.Stream) -> None:
        version, count = await exactly(stream, 2)
        assert version == 5
        methods = await exactly(stream, count)
        if pair is None:
            await stream.send_all(b"\x05\x00")
            return
        if 2 not in methods:
            proxy.wrong += 1
            await stream.send_all(b"\x05\xff")
            raise EOFError
        await stream.send_all(b"\x05\x02")
        words = []
        await exactly(stream, 1)
        for _ in range(2):
            (size,) = await exactly(stream, 1)
            words.append((await exactly(stream, size)).decode())
        if tuple(words) != pair:
            proxy.wrong += 1
            await stream.send_all(b"\x01\x01")
            raise EOFError
        await stream.send_all(b"\x01\x00")

    async def talk(stream: trio.abc.Stream) -> None:
        await admit(stream)
        version, command, _, kind = await exactly(stream, 4)
        assert (version, command) == (5, 1)
        if kind == 3:
            (size,) = await exactly(stream, 1)
            host = (await exactly(stream, size)).decode()
        else:
            host = str(ipaddress.ip_address(await exactly(stream, 4 if kind == 1 else 16)))
        port = int.from_bytes(await exactly(stream, 2), "big")
        if proxy.answer is not None:
            proxy.asked.append(host)
            await stream.send_all(proxy.answer)
            return
        try:
            server = await proxy.reach(host, port)
        except OSError:
            await stream.send_all(b"\x05\x05\x00\x01" + bytes(6))
            return
        await stream.send_all(b"\x05\x00\x00\x01" + bytes(6))
        await join(stream, server)

    async with listening(talk) as port:
        proxy.address = f"127.0.0.1:{port}"
        yield proxy


@asynccontextmanager
async def tls_front(context: ssl.SSLContext, port: int) -> AsyncGenerator[int, None]:
    """TLS in front of the server at *port*; yields the port of TLS."""

    async def talk(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SSLStream)
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:
            # Trio does not send the alert, as other servers do.
            await stream.transport_stream.send_all(stream._outgoing.read())
            # Closing with unread bytes would be a reset, which could overtake the alert.
            assert isinstance(stream.transport_stream, trio.SocketStream)
            await stream.transport_stream.send_eof()
            while await stream.transport_stream.receive_some(65536):
                pass
            return
        await join(stream, await trio.open_tcp_stream("127.0.0.1", port))

    async with listening(talk, context) as front:
        yield front
