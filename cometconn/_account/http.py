"""REST requests over the network: the only importer of httpx2, when first needed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._environment import Response

from .answer_body import ACCEPTED, AnswerBody

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    import httpx2

    from cometconn._environment import Request

__all__ = ["fetch"]


@asynccontextmanager
async def _answer(
    client: httpx2.AsyncClient, request: Request, headers: Mapping[str, str]
) -> AsyncGenerator[httpx2.Response, None]:
    all_headers = {**headers, **request.headers, "Accept-Encoding": ACCEPTED}
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
    """Make one request on a connection of its own, opened by *dial*, following no redirect.

    Raises `OSError` when no whole answer came. The caller bounds the time; if cancelled,
    the connection is closed.
    """
    # What the project is built on; it costs tens of milliseconds, and reopening needs no REST.
    import httpcore2  # noqa: PLC0415
    import httpx2  # noqa: PLC0415

    from .exchange import DialledTransport  # noqa: PLC0415

    try:
        async with (
            httpx2.AsyncClient(transport=DialledTransport(dial), trust_env=False, timeout=None) as client,
            _answer(client, request, headers) as answer,
        ):
            body, fault = AnswerBody(answer.headers.get("content-encoding", "")), None
            async for chunk in answer.aiter_raw():
                # Leaving the loop early would leave httpx2's generators to the garbage collector. What is
                # too long or broken is read and not kept; the caller bounds the time.
                try:
                    body.take(chunk)
                except ConnectionError as error:
                    fault = error
            if fault is not None:
                raise fault
            return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body.whole())
    except httpcore2.ProtocolError:
        # Its message quotes what the server sent, which may be what we sent: a token.
        message = "the server's answer is no HTTP/1.1, or ended too early"
        raise ConnectionError(message) from None
    except trio.BrokenResourceError as error:
        message = "the connection broke"
        raise ConnectionError(message) from error
    except (httpx2.InvalidURL, UnicodeError) as error:  # the latter for host names that no lookup takes
        raise ConnectionError(str(error)) from error
