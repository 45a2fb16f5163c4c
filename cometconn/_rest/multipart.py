"""A form with files (RFC 7578), which is made while it is sent."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from .sources import LARGEST, Source, open_source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

    from cometconn._account.streaming import UploadFile

__all__ = ["Multipart", "form_around", "open_form"]

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # as browsers write them


@attrs.frozen
class Multipart:
    """The body of a form with files, a `BodyStream`. It has the same bytes each time it is sent.

    Attributes:
        segments: what it consists of, in this order.
        boundary: separates its parts.
        progress: is called with the number of bytes of the files that were sent, and of all.
    """

    segments: Sequence[bytes | Source]
    boundary: str
    progress: Callable[[int, int], object] | None = None

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return sum(len(each) if isinstance(each, bytes) else each.size for each in self.segments)

    @property
    def content_type(self) -> str:
        """Its content type, with the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    def pieces(self) -> AsyncIterator[bytes]:
        """Return its pieces, from the first one on."""
        total = sum(each.size for each in self.segments if not isinstance(each, bytes))
        return _Pieces([*reversed(self.segments)], self.progress, total)


@attrs.define
class _Pieces:
    ahead: list[bytes | Source]
    progress: Callable[[int, int], object] | None
    total: int
    file: AsyncIterator[bytes] | None = None
    sent: int = 0
    unreported: int = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self.unreported:  # the connection has taken it, because it wants the next piece
            self.sent, self.unreported = self.sent + self.unreported, 0
            if self.progress is not None:
                self.progress(self.sent, self.total)
        while True:
            if self.file is not None:
                async for piece in self.file:
                    self.unreported = len(piece)
                    return piece
                self.file = None
            if not self.ahead:
                raise StopAsyncIteration
            segment = self.ahead.pop()
            if isinstance(segment, bytes):
                return segment
            self.file = segment.pieces()


def form_around(
    fields: Mapping[str, str],
    files: Sequence[tuple[UploadFile, Source]],
    progress: Callable[[int, int], object] | None = None,
) -> Multipart:
    """Return the form with these fields, and then these files. *progress* is as `Multipart` has it."""
    boundary = f"cometconn-{secrets.token_hex(16)}"
    segments: list[bytes | Source] = []
    text = ""
    for name, value in fields.items():
        text += f"{_head(boundary, name)}\r\n\r\n{value}\r\n"
    for file, source in files:
        text += f'{_head(boundary, file.field)}; filename="{file.name.translate(_ESCAPES)}"\r\n'
        text += f"Content-Type: {file.mime_type}\r\n\r\n"
        segments += (text.encode(errors="replace"), source)
        text = "\r\n"
    segments.append(f"{text}--{boundary}--\r\n".encode())
    return Multipart(segments, boundary, progress)


def _head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_ESCAPES)}"'


@asynccontextmanager
async def open_form(
    call: str,
    fields: Mapping[str, str],
    files: Sequence[UploadFile],
    progress: Callable[[int, int], object] | None = None,
    largest: int = LARGEST,
) -> AsyncGenerator[Multipart, None]:
    """Open the files of a form for the duration of the block. The errors are those of `open_source()`."""
    async with AsyncExitStack() as stack:
        opened = [(file, await stack.enter_async_context(open_source(call, file.content, largest))) for file in files]
        yield form_around(fields, opened, progress)
