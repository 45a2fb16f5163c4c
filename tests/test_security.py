"""The promises of the security page that no other test checks."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.environment import Request, SystemEnvironment
from cometconn.errors import ApiError, SettingsError

MANUAL = AppSettings(auto_establish_socket_connection=False)


@asynccontextmanager
async def answering(body: bytes, heads: list[list[str]], **headers: str) -> AsyncGenerator[str, None]:
    """Run a server on loopback that sends every client the same response, and collects the heads of the requests."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive_some(65536)
            head = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
            heads.append(head)
            length = next((int(line.split(":")[1]) for line in head if line.lower().startswith("content-length")), 0)
            while len(data.partition(b"\r\n\r\n")[2]) < length:
                data += await stream.receive_some(65536)
            more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
            start = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
            try:
                await stream.send_all(start + body)
            except trio.BrokenResourceError:
                return

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        with trio.fail_after(20):
            yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def log_in(answer: dict[str, Any], heads: list[list[str]], **login: str) -> None:
    """Log in to a server that sends this response."""
    failure: Exception | None = None
    async with answering(json.dumps(answer).encode(), heads) as url:
        client = cometconn.open_client("APP", MANUAL, store=MemoryStore(), endpoints=Endpoints.at(url))
        async with client as chat:
            try:
                await chat.login(**login)
            except cometconn.errors.CometConnError as error:
                failure = error
    if failure is not None:
        raise failure


@pytest.mark.parametrize(
    ("uid", "quoted"),
    [
        ("a/b", "a%2Fb"),
        ("a?x=1", "a%3Fx%3D1"),
        ("a#b", "a%23b"),
        ("../../me", "..%2F..%2Fme"),
        ("a%0d%0aX-Evil:1", "a%250d%250aX-Evil%3A1"),
        ("a\\b;c&d", "a%5Cb%3Bc%26d"),
        ("...", "..."),
    ],
)
async def test_a_uid_is_one_part_of_one_path(uid: str, quoted: str) -> None:
    """Whatever a uid contains, the server receives one request, with the intended path and headers."""
    heads: list[list[str]] = []
    with pytest.raises(ApiError):
        await log_in({"error": {"code": "NO", "message": "no"}}, heads, uid=uid, auth_key="KEY")
    ((request_line, *lines),) = heads
    assert request_line == f"POST /users/{quoted}/auth_tokens HTTP/1.1"
    assert not [line for line in lines if "evil" in line.lower()]


@pytest.mark.parametrize("uid", [".", "..", "a\r\nX-Evil: 1", "a b", "é", "\x00"])
async def test_a_uid_that_would_mean_something_else_is_refused(uid: str) -> None:
    """A uid that would change the path is refused before any request."""
    heads: list[list[str]] = []
    with pytest.raises(SettingsError, match="uid"):
        await log_in({}, heads, uid=uid, auth_key="KEY")
    assert not heads


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a b", "\u2603", "\x7f"])
@pytest.mark.parametrize("by", ["key", "token"])
async def test_an_invalid_token_from_the_server_is_refused(token: str, by: str) -> None:
    """An invalid token is refused, because it would be sent as a header of the next request."""
    heads: list[list[str]] = []
    login = {"auth_token": "good"} if by == "token" else {"uid": "u", "auth_key": "KEY"}
    with pytest.raises(ApiError, match="no valid authToken") as caught:
        await log_in({"data": {"uid": "u", "authToken": token, "settings": {}}}, heads, **login)
    assert len(heads) == 1
    assert token not in str(caught.value)


async def test_a_servers_error_message_becomes_one_short_line() -> None:
    """Control characters in a server's error message are escaped, and a long text is cut."""
    words = "\x1b[31mred\r\nForged: line\x00" + "x" * 100_000
    with pytest.raises(ApiError) as caught:
        await log_in({"error": {"code": "C" * 10_000, "message": words}}, [], uid="u", auth_key="KEY")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    assert len(caught.value.code) <= 100


async def test_a_compressed_response_is_bounded() -> None:
    """A few kilobytes that decompress to many megabytes are refused at the limit for responses."""
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    async with answering(bomb, [], Content_Encoding="gzip") as url:
        with pytest.raises(OSError, match="longer than"):
            await SystemEnvironment(proxy="").request(Request("GET", f"{url}/me", {}))
