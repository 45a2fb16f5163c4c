"""REST requests over the network. httpx2 is imported by the first request."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._environment import Response

from .response_body import CONTENT_ENCODING, ResponseBody

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    import httpx2

    from cometconn._environment import Request

__all__ = ["fetch"]


@asynccontextmanager
async def _answer(
    client: httpx2.AsyncClient, request: Request, headers: Mapping[str, str]
) -> AsyncGenerator[httpx2.Response, None]:
    all_headers = {**headers, **request.headers, "Accept-Encoding": CONTENT_ENCODING}
    made = client.build_request(request.method, request.url, headers=all_headers, content=request.body)
    answer = await client.send(made, stream=True)
    try:
        yield answer
    finally:
        await answer.aclose()


@trio.lowlevel.enable_ki_protection
async def fetch(
    request: Request, *, dial: Callable[[str], Awaitable[trio.abc.Stream]], headers: Mapping[str, str]
) -> Response:
    """Make one request on a connection of its own, opened by *dial*. Redirects are not followed.

    Raises `OSError` if no complete response is received. The caller bounds the time; if cancelled, the connection is
    closed.
    """
    # Imported here because it takes tens of milliseconds, and a client with a saved session needs no REST to connect.
    import httpcore2  # noqa: PLC0415
    import httpx2  # noqa: PLC0415

    from .exchange import DialledTransport  # noqa: PLC0415

    try:
        async with (
            httpx2.AsyncClient(transport=DialledTransport(dial), trust_env=False, timeout=None) as client,
            _answer(client, request, headers) as answer,
        ):
            body, fault = ResponseBody(answer.headers.get("content-encoding", "")), None
            async for chunk in answer.aiter_raw():
                # Leaving the loop early would leave httpx2's generators to the garbage collector, so a body that is too
                # long or invalid is read to its end and dropped. The caller bounds the time.
                try:
                    body.take(chunk)
                except ConnectionError as error:
                    fault = error
            if fault is not None:
                raise fault
            return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body.whole())
    except httpcore2.ProtocolError:
        # The library's message quotes what the server sent, and that may repeat a token.
        message = "the server's response is not HTTP/1.1, or ended too early"
        raise ConnectionError(message) from None
    except trio.BrokenResourceError as error:
        message = "the connection broke"
        raise ConnectionError(message) from error
    except (httpx2.InvalidURL, UnicodeError) as error:  # UnicodeError: a host name that cannot be encoded for DNS
        raise ConnectionError(str(error)) from error
