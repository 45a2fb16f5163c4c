"""A request that sends or receives a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn._environment import Response
from cometconn._network.os_errors import without_traceback
from cometconn.errors import ApiError

from .response_body import RESPONSE_LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cometconn._text.foreign_text import KnownSecrets

    from .streaming import BodyStream, StreamedResponse
    from .turn import Turn

__all__ = ["Transfer", "WatchedBody"]


@attrs.define(eq=False)
class WatchedBody:
    """A `BodyStream` that reports each piece.

    Attributes:
        body: the body.
        progressed: is called when a piece is wanted, which means that the one before was sent.
        raised: what reading the body has raised.
    """

    body: BodyStream
    progressed: Callable[[], None]
    raised: Exception | None = attrs.field(default=None, init=False)

    @property
    def size(self) -> int | None:
        """That of the body."""
        return self.body.size

    @property
    def content_type(self) -> str:
        """That of the body."""
        return self.body.content_type

    def pieces(self) -> AsyncIterator[bytes]:
        """Return its pieces."""
        return _WatchedPieces(self, self.body.pieces())


class _WatchedPieces:
    def __init__(self, owner: WatchedBody, pieces: AsyncIterator[bytes]) -> None:
        self._owner = owner
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._owner.progressed()
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self._owner.raised = error
            raise


@attrs.frozen(eq=False)
class Transfer:
    """The response of a request that sends or receives a file.

    Iterating over it yields the pieces of its body. That raises `ApiError` if the body ends too early.

    Attributes:
        turn: the request's.
        response: the response.
        no_answer: makes the error for a failure of the network.
        secrets: what no error may contain.
    """

    turn: Turn
    response: StreamedResponse
    no_answer: Callable[[str, Exception], ApiError] = attrs.field(repr=False)
    secrets: KnownSecrets = attrs.field(repr=False)

    @property
    def what(self) -> str:
        """The request for error messages."""
        return self.turn.what

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.turn.progressed()
        try:
            return await anext(self.response.chunks)
        except Exception as error:
            if isinstance(error, StopAsyncIteration):
                raise
            raise self.no_answer(self.what, error) from self.secrets.error(without_traceback(error))
        finally:
            self.turn.pause()

    async def whole(self) -> Response:
        """Return the response with its whole body, which is bounded as every response is."""
        body = bytearray()
        async for chunk in self:
            body += chunk
            if len(body) > RESPONSE_LIMIT:
                message = f"{self.what}: the answer (HTTP status {self.response.status}) is longer than {RESPONSE_LIMIT:,} bytes"
                raise ApiError(message, code="INVALID_RESPONSE", status=self.response.status)
        return Response(self.response.status, self.response.headers, bytes(body))
