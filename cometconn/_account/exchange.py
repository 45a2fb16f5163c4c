"""An httpx2 transport: one HTTP/1.1 exchange over a byte stream that the environment dials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import httpcore2
import httpx2
import trio

from cometconn._network.library_logs import OURS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["DialledTransport"]


class DialledTransport(httpx2.AsyncBaseTransport):
    """Makes each request on a connection of its own, dialled as the WebSocket is.

    So proxies, certificates and their error messages are the same for REST and for the WebSocket. httpx2's own
    transport neither tries several addresses as Trio does nor supports our proxies.

    Args:
        dial: opens a byte stream to a URL, and performs the TLS handshake.
    """

    def __init__(self, dial: Callable[[str], Awaitable[trio.abc.Stream]]) -> None:
        self._dial = dial

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Dial, send the request, and return as soon as the head of the response was received."""
        asked = request.url
        url = httpcore2.URL(scheme=asked.raw_scheme, host=asked.raw_host, port=asked.port, target=asked.raw_path)
        stream = await self._dial(str(asked))
        connection = httpcore2.AsyncHTTP11Connection(url.origin, _NetworkStream(stream))
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


class _NetworkStream(httpcore2.AsyncNetworkStream):
    """Adapts a Trio stream to httpcore2. It closes forcefully, because httpcore2 shields the call without a bound."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's
        return bytes(await self._stream.receive_some(max_bytes))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's
        try:
            await self._stream.send_all(buffer)
        except trio.BrokenResourceError as error:
            # httpcore2 then still reads: the server may have sent the reason why it stopped reading.
            raise httpcore2.WriteError from error

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)


class _Body(httpx2.AsyncByteStream):
    """The body of the response. Closing it closes the connection."""

    def __init__(self, answer: httpcore2.Response, stream: trio.abc.Stream) -> None:
        self._answer = answer
        self._stream = stream
        self._pieces: Any = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: Any = self._answer.stream  # an async iterable, because the connection is async
        self._pieces = aiter(pieces)
        return cast("AsyncIterator[bytes]", self._pieces)

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            await trio.aclose_forcefully(self._stream)
            if self._pieces is not None:
                # A generator of httpcore2's that was not read to its end. It waits for nothing: the stream is closed.
                with trio.CancelScope(shield=True):
                    await self._pieces.aclose()
