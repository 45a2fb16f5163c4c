"""One HTTP/1.1 exchange over a byte stream that somebody else dials, as httpx2 wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2
import trio

from cometconn._network.library_logs import OURS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["DialledTransport"]


class DialledTransport(httpx2.AsyncBaseTransport):
    """Makes each request on a connection of its own, dialled as the WebSocket's is.

    So proxies, certificates and what is said of them are the same for REST and socket; httpx2's own
    transport knows neither Trio's way of trying addresses nor our proxies.

    Args:
        dial: opens a byte stream to a URL, TLS done.
    """

    def __init__(self, dial: Callable[[str], Awaitable[trio.abc.Stream]]) -> None:
        self._dial = dial

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Dial, send, and return as soon as the head of the answer is here."""
        asked = request.url
        url = httpcore2.URL(scheme=asked.raw_scheme, host=asked.raw_host, port=asked.port, target=asked.raw_path)
        stream = await self._dial(str(asked))
        connection = httpcore2.AsyncHTTP11Connection(url.origin, _Line(stream))
        headers = request.headers.raw
        ours = OURS.set(True)
        try:
            answer = await connection.handle_async_request(
                httpcore2.Request(request.method, url, headers=headers, content=request.stream)
            )
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        finally:
            OURS.reset(ours)
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer, stream))


class _Line(httpcore2.AsyncNetworkStream):
    """A byte stream as httpcore2 wants it. Closing it is forceful: httpcore2 shields that without a bound."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's
        return bytes(await self._stream.receive_some(max_bytes))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's
        try:
            await self._stream.send_all(buffer)
        except trio.BrokenResourceError as error:
            # httpcore2 goes on to read: the server may have said why it does not listen.
            raise httpcore2.WriteError from error

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)


class _Body(httpx2.AsyncByteStream):
    """The body of the answer. With it the connection ends."""

    def __init__(self, answer: httpcore2.Response, stream: trio.abc.Stream) -> None:
        self._answer = answer
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: Any = self._answer.stream  # async, as the connection is
        return aiter(pieces)

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            await trio.aclose_forcefully(self._stream)
