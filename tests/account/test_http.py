"""REST requests over real sockets."""

from __future__ import annotations

import gc
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from cometconn._account.http import fetch, open_response
from cometconn.environment import Request, Response, SystemEnvironment

STRAIGHT = SystemEnvironment(proxy="", ssl_context=ssl.create_default_context()).dial


@asynccontextmanager
async def answering(answer: bytes, heads: list[bytes], end: bytes = b"\r\n\r\n{}") -> AsyncGenerator[str, None]:
    """Run a server that sends the same bytes to every client, after a request that has this *end*."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            head = b""
            while not head.endswith(end):  # closing with unread data would reset the connection
                more = await stream.receive_some(65536)
                if not more:
                    return
                head += more
            heads.append(head)
            try:
                await stream.send_all(answer)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        try:
            yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        finally:
            listeners[0].socket.close()
        nursery.cancel_scope.cancel()


async def ask(answer: bytes, heads: list[bytes]) -> Response:
    """Make one request to such a server."""
    result: Response | OSError
    with trio.fail_after(20):
        async with answering(answer, heads) as url:
            request = Request("PUT", f"{url}/me", {"authToken": "TOKEN"}, b"{}")
            try:
                result = await fetch(request, dial=STRAIGHT, headers={"x-extra": "yes"})
            except OSError as error:
                result = error
    if isinstance(result, OSError):
        raise result
    return result


async def test_a_complete_response() -> None:
    """A response has status, headers in lower case, and body; our headers and the extra ones were sent."""
    heads: list[bytes] = []
    response = await ask(b"HTTP/1.1 404 Nope\r\nX-Thing: 1\r\nContent-Length: 2\r\n\r\n{}", heads)
    assert (response.status, response.headers["x-thing"], response.body) == (404, "1", b"{}")
    assert heads[0].startswith(b"PUT /me HTTP/1.1")
    assert b"x-extra: yes" in heads[0]
    assert b"authToken: TOKEN" in heads[0]


async def test_a_redirect_is_not_followed() -> None:
    """A redirect is not followed, so no token is sent to its target."""
    heads: list[bytes] = []
    response = await ask(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", heads)
    assert response.status == 302
    assert len(heads) == 1


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"])
async def test_an_invalid_response_is_an_oserror(answer: bytes) -> None:
    """No response, other data than HTTP, and a truncated body raise OSError, without the token in the message."""
    with pytest.raises(OSError) as caught:
        await ask(answer, [])
    assert "TOKEN" not in str(caught.value)


async def test_a_response_that_is_too_long() -> None:
    """A response above the limit raises OSError, and is not kept in memory."""
    size = 17 * 1024 * 1024
    with pytest.raises(OSError, match="longer than"):
        await ask(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size, [])


async def test_a_refused_connection_is_an_oserror() -> None:
    """A connection to a port without a listener raises OSError."""
    async with answering(b"", []) as url:
        pass
    with trio.fail_after(20), pytest.raises(OSError):
        await fetch(Request("GET", url, {}), dial=STRAIGHT, headers={})


@pytest.mark.parametrize("size", [2, 20_000_000])
async def test_a_request_that_is_cancelled_leaves_nothing_behind(size: int) -> None:
    """A request cancelled while writing or waiting leaves no generator to the garbage collector."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    with trio.fail_after(20):
        async with listeners[0], trio.open_nursery() as nursery:
            request = Request("POST", f"{url}/me", {}, bytes(size))
            nursery.start_soon(lambda: fetch(request, dial=STRAIGHT, headers={}))
            async with await listeners[0].accept() as stream:
                assert (await stream.receive_some(4)).startswith(b"POST")
                if size > 2:
                    await trio.testing.wait_all_tasks_blocked(0.05)  # the socket's buffers are full
                nursery.cancel_scope.cancel()
    gc.collect()  # a warning here is an error


async def test_a_connection_that_breaks_is_an_oserror() -> None:
    """`trio.BrokenResourceError` of the dial becomes an OSError."""

    async def breaks(url: str) -> trio.abc.Stream:
        raise trio.BrokenResourceError

    with pytest.raises(OSError, match="the connection broke"):
        await fetch(Request("GET", "https://chat.test/me", {}), dial=breaks, headers={})


@pytest.mark.parametrize("host", ["xn--", "x" * 64, "a..b", "-"])
async def test_an_invalid_host_is_an_oserror(host: str) -> None:
    """A host that a server's settings contain and any library refuses raises OSError."""
    with pytest.raises(OSError):
        await fetch(Request("GET", f"https://{host}/me", {}), dial=STRAIGHT, headers={})


@attrs.define
class Body:
    """A body of this many pieces, with or without its length; it may raise at its end."""

    count: int
    size: int | None
    content_type: str = "text/plain"
    error: Exception | None = None
    done: int = 0

    def pieces(self) -> AsyncIterator[bytes]:
        """Begin."""
        self.done = 0
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self.done == self.count:
            raise self.error or StopAsyncIteration
        self.done += 1
        return b"abc"


@pytest.mark.parametrize("size", [6, None])
async def test_a_body_is_sent_in_pieces(size: int | None) -> None:
    """With its length, or else in chunks, so that the server can see its end."""
    heads: list[bytes] = []
    end = b"abcabc" if size else b"3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"
    with trio.fail_after(20):
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfile", heads, end) as url:
            request = Request("POST", f"{url}/up", {"X-A": "1"})
            async with open_response(request, Body(2, size), dial=STRAIGHT, headers={}) as response:
                assert [chunk async for chunk in response.chunks] == [b"file"]
                assert (response.status, response.headers["content-length"]) == (200, "4")
    assert (b"Content-Length: 6\r\n" in heads[0]) == (size is not None)
    assert (b"Transfer-Encoding: chunked\r\n" in heads[0]) == (size is None)
    assert b"Accept-Encoding: identity\r\n" in heads[0]


async def test_a_body_that_raises() -> None:
    """Its own error is raised as it is, and the connection is closed."""
    body = Body(2, 100, error=KeyError("mine"))
    with trio.fail_after(20):
        async with answering(b"", [], b"more") as url:
            with pytest.raises(KeyError, match="mine"):
                async with open_response(Request("POST", url, {}), body, dial=STRAIGHT, headers={}):
                    raise AssertionError


@pytest.mark.parametrize("how", ["left", "raised", "cancelled"])
async def test_a_response_that_is_not_read_to_its_end(how: str) -> None:
    """The connection is closed, and no generator is left to the garbage collector."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + bytes(100_000)
    closed: list[trio.abc.Stream] = []

    async def dial(url: str) -> trio.abc.Stream:
        closed.append(await STRAIGHT(url))
        return closed[0]

    with trio.fail_after(20):
        async with answering(answer, [], b"\r\n\r\n") as url:
            with trio.CancelScope() as scope:
                try:
                    async with open_response(Request("GET", url, {}), dial=dial, headers={}) as response:
                        async for _ in response.chunks:
                            if how == "raised":
                                raise KeyError
                            if how == "cancelled":
                                scope.cancel()
                                continue
                            break
                except KeyError:
                    pass
            assert scope.cancelled_caught == (how == "cancelled")
            with pytest.raises(trio.ClosedResourceError):
                await closed[0].send_all(b"x")
    gc.collect()  # a warning here is an error
