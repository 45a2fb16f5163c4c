"""An httpx2 transport: HTTP/1.1 over byte streams that the environment dials."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, cast

import httpcore2
import httpx2
import trio

from cometconn._network.library_logs import OURS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable

    from .kept_connections import KeptConnections

__all__ = ["DialledTransport"]

_IDEMPOTENT: Final = frozenset({"GET", "PUT", "DELETE"})
"""Of the methods that cometconn uses (RFC 9110, section 9.2.2)."""


class DialledTransport(httpx2.AsyncBaseTransport):
    """Makes each request on a connection that is dialled as the WebSocket is.

    So proxies, certificates and their error messages are the same for REST and for the WebSocket. httpx2's own
    transport neither tries several addresses as Trio does nor supports our proxies.

    Args:
        dial: opens a byte stream to a URL, and performs the TLS handshake.
        kept: where the connection stays after the response. By default it is closed.
    """

    def __init__(self, dial: Callable[[str], Awaitable[trio.abc.Stream]], kept: KeptConnections | None = None) -> None:
        self._dial = dial
        self._kept = kept

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, and return as soon as the head of the response was received.

        A server may close a kept connection at any time. Where it has, the request is sent once more on a new one, which
        RFC 9112 (section 9.3.1) allows for idempotent methods. Others never use a kept one.
        """
        asked = request.url
        url = httpcore2.URL(scheme=asked.raw_scheme, host=asked.raw_host, port=asked.port, target=asked.raw_path)
        server = (self._dial, asked.raw_scheme, asked.raw_host, asked.port)
        if self._kept is not None and request.method in _IDEMPOTENT and (kept := self._kept.take(server)) is not None:
            with contextlib.suppress(httpcore2.RemoteProtocolError, OSError, trio.BrokenResourceError):
                return await self._exchange(request, url, server, *kept)
        stream = await self._dial(str(asked))
        connection = httpcore2.AsyncHTTP11Connection(url.origin, _NetworkStream(stream))
        return await self._exchange(request, url, server, connection, stream)

    async def _exchange(
        self,
        request: httpx2.Request,
        url: httpcore2.URL,
        server: Hashable,
        connection: httpcore2.AsyncHTTP11Connection,
        stream: trio.abc.Stream,
    ) -> httpx2.Response:
        ours = OURS.set(True)
        try:
            answer = await connection.handle_async_request(
                httpcore2.Request(request.method, url, headers=request.headers.raw, content=request.stream)
            )
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        finally:
            OURS.reset(ours)

        def keep() -> bool:
            return connection.is_idle() and self._kept is not None and self._kept.keep(server, (connection, stream))

        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer, stream, keep))


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
    """The body of the response. Closing it closes the connection, unless *keep*, which is called then, keeps it."""

    def __init__(self, answer: httpcore2.Response, stream: trio.abc.Stream, keep: Callable[[], bool]) -> None:
        self._answer = answer
        self._stream = stream
        self._keep = keep
        self._pieces: Any = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: Any = self._answer.stream  # an async iterable, because the connection is async
        self._pieces = aiter(pieces)
        return cast("AsyncIterator[bytes]", self._pieces)

    async def aclose(self) -> None:
        is_kept = False
        try:
            await self._answer.aclose()
            is_kept = self._keep()
        finally:
            if not is_kept:
                await trio.aclose_forcefully(self._stream)
            if self._pieces is not None:
                # A generator of httpcore2's that was not read to its end. It waits for nothing: the stream is closed.
                with trio.CancelScope(shield=True):
                    await self._pieces.aclose()
