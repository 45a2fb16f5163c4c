"""REST requests over the network. httpx2 is imported by the first request."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._environment import Response
from cometconn._groups import Ungrouped

from .kept_connections import KEPT
from .response_body import CONTENT_ENCODING, ResponseBody

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from cometconn._environment import Request

    from .streaming import BodyStream, StreamedResponse

__all__ = ["fetch", "open_response"]


@trio.lowlevel.enable_ki_protection
async def fetch(
    request: Request, *, dial: Callable[[str], Awaitable[trio.abc.Stream]], headers: Mapping[str, str]
) -> Response:
    """Make one request on a connection opened by *dial*, of its own unless the task is in a `keeping_connections()` block.

    Redirects are not followed.

    Raises `OSError` if no complete response is received. The caller bounds the time; if cancelled, the connection is
    closed.
    """
    async with open_response(request, dial=dial, headers=headers, encoding=CONTENT_ENCODING) as answer:
        body = ResponseBody(answer.headers.get("content-encoding", ""))
        async for chunk in answer.chunks:
            body.take(chunk)
        return Response(answer.status, answer.headers, body.whole())


@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_response(
    request: Request,
    body: BodyStream | None = None,
    *,
    dial: Callable[[str], Awaitable[trio.abc.Stream]],
    headers: Mapping[str, str],
    encoding: str = "identity",
) -> AsyncGenerator[StreamedResponse, None]:
    """Make one request, and read its response during the block.

    Otherwise like `fetch()`. Both entering and each chunk raise `OSError`. Leaving the block closes the connection, if it
    is the request's own.

    Args:
        request: the request.
        body: sent in place of the request's own.
        dial: opens the connection.
        headers: more headers.
        encoding: the content encoding that is requested.
    """
    # Imported here because it takes tens of milliseconds, and a client with a saved session needs no REST to connect.
    import httpx2  # noqa: PLC0415

    from .exchange import DialledTransport  # noqa: PLC0415
    from .streaming import StreamedResponse  # noqa: PLC0415

    # A body that is sent in pieces could not be sent once more.
    transport = DialledTransport(dial, KEPT.get() if body is None else None)
    all_headers = {**headers, **request.headers, "Accept-Encoding": encoding}
    with _as_os_errors():
        client = httpx2.AsyncClient(transport=transport, trust_env=False)
        if body is not None and body.size is not None:  # otherwise the body is sent in chunks, which ends it safely
            all_headers["Content-Length"] = str(body.size)
        content = request.body if body is None else body.pieces()
        made = client.build_request(request.method, request.url, headers=all_headers, content=content)
        answer = await transport.handle_async_request(made)
    stream = answer.stream
    assert isinstance(stream, httpx2.AsyncByteStream), "the transport's"
    try:
        lower = {name.lower(): value for name, value in answer.headers.items()}
        yield StreamedResponse(answer.status_code, lower, _Chunks(stream))
    finally:
        with Ungrouped():
            await stream.aclose()


class _Chunks:
    """The pieces of a response's body, as they are received. Not a generator, which would have to be closed."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._pieces = aiter(stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        with _as_os_errors():
            return await anext(self._pieces)


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Let every error of an exchange be an `OSError`."""
    import httpcore2  # noqa: PLC0415
    import httpx2  # noqa: PLC0415

    try:
        with Ungrouped():  # httpcore2 closes connections while it handles errors
            yield
    except httpcore2.ProtocolError:
        # The library's message quotes what the server sent, and that may repeat a token.
        message = "the server's response is not HTTP/1.1, or ended too early"
        raise ConnectionError(message) from None
    except trio.BrokenResourceError as error:
        message = "the connection broke"
        raise ConnectionError(message) from error
    except (httpx2.InvalidURL, UnicodeError) as error:  # UnicodeError: a host name that cannot be encoded for DNS
        raise ConnectionError(str(error)) from error
