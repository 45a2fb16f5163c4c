"""How many connections consecutive requests of one task take, at a server with TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio

from cometconn import AppSettings, Endpoints, MemoryStore, open_client
from cometconn._account.http import fetch
from cometconn._account.kept_connections import keeping_connections
from cometconn.environment import Request, SystemEnvironment
from tests.conformance.authority import Authority

AUTHORITY = Authority()
ME = json.dumps({"data": {"uid": "zed-1", "name": "Zed", "authToken": "TOKEN", "jwt": "JWT"}}).encode()


@attrs.define(eq=False)
class Server:
    """Responds to every request that a login makes, and counts its connections.

    Attributes:
        port: its port.
        how: `keeps` a connection open after a response, `announces` that it closes it, `closes` it without a word, or is
            `silent` from the second request of a connection on.
        requests: for each connection in turn, the methods requested on it.
        is_open: how many connections are open.
        heard: set by the second request of a connection.
        none_open: set when the last open connection is closed.
    """

    how: str
    port: int = 0
    requests: list[list[str]] = attrs.field(factory=list)
    is_open: int = 0
    heard: trio.Event = attrs.field(factory=trio.Event)
    none_open: trio.Event = attrs.field(factory=trio.Event)

    @property
    def url(self) -> str:
        """Its URL."""
        return f"https://127.0.0.1:{self.port}"

    async def serve(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        """Serve one connection."""
        self.requests.append(mine := [])
        self.is_open += 1
        self.none_open = trio.Event()
        buffer = b""
        closes = b"Connection: close\r\n" if self.how == "announces" else b""
        try:
            async for data in stream:
                buffer += data
                head, end, body = buffer.partition(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                if not end or len(body) < (int(length[0].split(b":")[1]) if length else 0):
                    continue
                buffer = b""
                mine.append(head.split()[0].decode())
                if len(mine) == 2:
                    self.heard.set()
                    if self.how == "silent":
                        continue
                await stream.send_all(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (closes, len(ME), ME))
                if self.how not in {"keeps", "silent"}:
                    break
        except trio.BrokenResourceError:
            pass
        finally:
            self.is_open -= 1
            if not self.is_open:
                self.none_open.set()
            await trio.aclose_forcefully(stream)

    async def wait_all_closed(self) -> None:
        """Wait until the client has closed every connection."""
        await self.none_open.wait()


@asynccontextmanager
async def serving(how: str) -> AsyncGenerator[Server, None]:
    """Run such a server. The block has 20 seconds."""
    server = Server(how)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server.port = listener.socket.getsockname()[1]
    secure = trio.SSLListener(listener, AUTHORITY.server(None), https_compatible=True)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, server.serve, [secure])
            yield server
            nursery.cancel_scope.cancel(reason="the test is over")


def environment() -> SystemEnvironment:
    """An environment that trusts the server."""
    return SystemEnvironment(ssl_context=AUTHORITY.client(), proxy="")


MANUAL = AppSettings(auto_establish_socket_connection=False)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("keeps", [["POST", "PUT", "GET"]]),
        ("announces", [["POST"], ["PUT"], ["GET"]]),
        ("closes", [["POST"], ["PUT"], ["GET"]]),
    ],
)
async def test_the_connections_of_a_login(how: str, expected: list[list[str]]) -> None:
    """A login by key makes all its requests on one connection, if the server keeps it open, and then closes it."""
    async with serving(how) as server:
        endpoints = Endpoints.at(server.url)
        async with open_client(
            "APP", MANUAL, store=MemoryStore(), endpoints=endpoints, environment=environment()
        ) as chat:
            # Without settings in the response to the second request there is a third one.
            user = await chat.login(uid="zed-1", auth_key="KEY")
            await server.wait_all_closed()
        assert user.uid == "zed-1"
        assert server.requests == expected


async def test_a_login_that_is_cancelled() -> None:
    """A cancel during the second request, on the kept connection, closes it."""
    async with serving("silent") as server:
        endpoints = Endpoints.at(server.url)
        async with open_client(
            "APP", MANUAL, store=MemoryStore(), endpoints=endpoints, environment=environment()
        ) as chat:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(chat.login, uid="zed-1", auth_key="KEY"))
                await server.heard.wait()
                nursery.cancel_scope.cancel(reason="a test of a cancelled login")
            await server.wait_all_closed()
        assert server.requests == [["POST", "PUT"]]


async def test_only_idempotent_requests_use_a_kept_connection() -> None:
    """A request that must not be sent twice has a new connection, and so has each one outside of a block."""
    async with serving("keeps") as server:
        dial = environment().dial

        async def ask(method: str) -> None:
            await fetch(Request(method, f"{server.url}/me", {}, b"{}"), dial=dial, headers={})

        async with keeping_connections():
            for method in ("PUT", "GET", "POST", "GET"):
                await ask(method)
            assert server.is_open >= 1
        await ask("GET")
        await ask("GET")
        await server.wait_all_closed()
        assert server.requests == [["PUT", "GET", "GET"], ["POST"], ["GET"], ["GET"]]


async def test_the_connection_of_another_environment() -> None:
    """A connection that was dialled with other TLS settings or another proxy is not used."""
    async with serving("keeps") as server:
        request = Request("GET", f"{server.url}/me", {})
        distrusting = SystemEnvironment(ssl_context=ssl.create_default_context(), proxy="").dial
        async with keeping_connections():
            await fetch(request, dial=environment().dial, headers={})
            with pytest.raises(ssl.SSLCertVerificationError):
                await fetch(request, dial=distrusting, headers={})
        await server.wait_all_closed()
        assert server.requests == [["GET"], []]  # the second client has refused the certificate


async def test_a_block_that_is_cancelled_closes_what_it_keeps() -> None:
    """Leaving the block by a cancel closes every kept connection."""
    async with serving("keeps") as server, serving("keeps") as other:
        dial = environment().dial
        with trio.CancelScope() as scope:
            async with keeping_connections():
                for each in (server, other):
                    await fetch(Request("GET", f"{each.url}/me", {}), dial=dial, headers={})
                scope.cancel(reason="a test")
                await trio.lowlevel.checkpoint()
        await server.wait_all_closed()
        await other.wait_all_closed()
        assert (server.requests, other.requests) == ([["GET"]], [["GET"]])
