"""REST requests over the network: the only importer of httpx, when first needed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cometconn.environment import Response

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    import httpx

    from cometconn.environment import Request

__all__ = ["fetch"]

_LIMIT = 16 * 1024 * 1024


@asynccontextmanager
async def _answer(
    client: httpx.AsyncClient, request: Request, headers: Mapping[str, str]
) -> AsyncGenerator[httpx.Response, None]:
    from .body import Body  # noqa: PLC0415 - imports httpx

    made = client.build_request(
        request.method, request.url, headers={**headers, **request.headers}, content=request.body
    )
    made.stream = Body(request.body or b"")
    answer = await client.send(made, stream=True)
    try:
        yield answer
    finally:
        await answer.aclose()


async def fetch(
    request: Request, *, ssl_context: ssl.SSLContext, proxy: str | None, headers: Mapping[str, str]
) -> Response:
    """Make one request on a connection of its own, following no redirect.

    Raises `OSError` when no whole answer came. The caller bounds the time; if cancelled,
    the connection is closed.
    """
    import httpx  # noqa: PLC0415 - what the project is built on; it costs tens of milliseconds, and reopening needs no REST

    try:
        async with (
            httpx.AsyncClient(verify=ssl_context, proxy=proxy, trust_env=False, timeout=None) as client,  # noqa: S113 - the caller's
            _answer(client, request, headers) as answer,
        ):
            body, size = bytearray(), 0
            async for chunk in answer.aiter_bytes():
                size += len(chunk)
                if size <= _LIMIT:
                    body += chunk
            # Leaving the loop early would leave httpx's generators to the garbage collector. What is
            # too long is read and not kept; the caller bounds the time.
            if size > _LIMIT:
                message = f"the answer is longer than {_LIMIT} bytes"
                raise ConnectionError(message)
            return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, bytes(body))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
