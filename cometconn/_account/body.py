"""A request's body in the shape httpx2 wants, without its async generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Body"]


class Body(httpx2.AsyncByteStream):
    """Bytes to send, once.

    httpx2's own is an async generator, and a request that is cancelled while it is written
    leaves that to the garbage collector, with a warning.
    """

    def __init__(self, data: bytes) -> None:
        self._rest = [data] if data else []

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return all of it the first time."""
        if not self._rest:
            raise StopAsyncIteration
        return self._rest.pop()
