"""The content of a file that is sent: bytes, or a file on disk that is read while it is sent."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

import attrs
import trio

from cometconn.errors import FileError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

__all__ = ["LARGEST", "Source", "check_size", "open_source"]

_PIECE = 64 * 1024  # bytes read at a time
LARGEST = 100 * 1024 * 1024
"""The most bytes of one file that CometChat takes."""


class Source(Protocol):
    """Content that can be read from the first byte on, any number of times."""

    @property
    def size(self) -> int:
        """Its length in bytes."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the pieces. Raises `FileError` when the file was changed."""
        ...


@attrs.frozen
class _Bytes:
    content: bytes
    size: int

    def pieces(self) -> AsyncIterator[bytes]:
        return _BytePieces(self.content)


@attrs.define
class _BytePieces:
    content: bytes
    done: int = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        begin, self.done = self.done, self.done + _PIECE
        if begin >= len(self.content):
            raise StopAsyncIteration
        return self.content[begin : self.done]


@attrs.frozen
class _File:
    """An open file, and what it was like when it was opened."""

    call: str
    path: str
    file: BinaryIO
    size: int
    changed_ns: int

    def pieces(self) -> AsyncIterator[bytes]:
        return _FilePieces(self)

    def read(self, begin: int) -> bytes:
        """Read the piece that begins there. Runs in a thread."""
        try:
            self.file.seek(begin)
            piece = self.file.read(min(_PIECE, self.size - begin))
            now = os.fstat(self.file.fileno())
        except OSError as error:
            raise _unreadable(self.call, self.path, error) from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed_ns) or not piece:
            message = f"{self.call}: the file {self.path!r} was changed while it was read. Nothing was sent."
            raise FileError(message)
        return piece


@attrs.define
class _FilePieces:
    source: _File
    done: int = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self.done >= self.source.size:
            raise StopAsyncIteration
        piece = await trio.to_thread.run_sync(self.source.read, self.done)
        self.done += len(piece)
        return piece


@asynccontextmanager
async def open_source(
    call: str, content: bytes | str | os.PathLike[str], largest: int = LARGEST
) -> AsyncGenerator[Source, None]:
    """Open the content of a file for the duration of the block. *call* is for error messages.

    Raises:
        FileError: there is no such file, it cannot be read, it is no regular file, it is empty or longer than *largest*.
    """
    if isinstance(content, bytes):
        check_size(call, "the content", len(content), largest)
        yield _Bytes(content, len(content))
        return
    path = os.fspath(content)
    file, status = await trio.to_thread.run_sync(_opened, call, path)
    with file:
        check_size(call, f"the file {path!r}", status.st_size, largest)
        yield _File(call, path, file, status.st_size, status.st_mtime_ns)


def check_size(call: str, what: str, size: int, largest: int) -> None:
    """Raise `FileError` if *what* is empty or too large to be sent."""
    if not size:
        message = f"{call}: {what} is empty. Nothing was sent."
        raise FileError(message)
    if size > largest:
        message = f"{call}: {what} has {size:,} bytes, and the server takes at most {largest:,}. Nothing was sent."
        raise FileError(message)


def _opened(call: str, path: str) -> tuple[BinaryIO, os.stat_result]:
    """Open a regular file. Not another one: opening a named pipe, for instance, would wait for its writer."""
    try:
        file = open(path, "rb", buffering=0, opener=_opener)  # noqa: SIM115 - the caller closes it
        status = os.fstat(file.fileno())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _unreadable(call, path, error) from error
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise _unreadable(call, path, OSError(errno.EINVAL, "it is no regular file"))
    return file, status


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _unreadable(call: str, path: str, error: OSError | ValueError) -> FileError:
    reason = getattr(error, "strerror", None) or str(error)
    return FileError(f"{call}: the file {path!r} cannot be read: {reason}. Nothing was sent.")
