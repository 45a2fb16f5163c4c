"""Writes details to a file as lines of JSON, and reads them back."""

from __future__ import annotations

import io
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any, Self

import attrs
from cattrs.preconf.json import make_converter

from cometconn._arguments import checked
from cometconn.errors import TraceError

from . import attempts, connections, lease
from .detail import Detail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["Trace", "TraceFile", "read_trace"]

_MAX_BYTES = 64 * 1024 * 1024
_CONVERTER = make_converter()
_KINDS: Mapping[str, type[Detail]] = {
    kind.__name__: kind
    for module in (attempts, connections, lease)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Detail) and kind is not Detail
}
_RENAMED = {"GoodbyeSaid": "CloseFrameSent"}  # previous names, in traces of older versions


@checked
class TraceFile:
    """A hook that writes a trace, one JSON object a line, for `cometconn timeline`.

    Use it as a context manager around `open_client(..., hooks=[trace])`, so that the file is closed after the last
    detail.

    Each line is passed to the operating system before the hook returns, so a program that is killed loses at most a
    part of the last line. Lines are appended to an existing file. A new file is readable and writable only by its owner
    (0600). Several clients may share one trace.

    A detail takes about 25 microseconds and 200 bytes. There is one detail for all events of one read of the socket. At
    *max_bytes* the file is renamed to `NAME.1`, which replaces an earlier file of that name, and a new file is started,
    so a trace uses at most twice *max_bytes*.

    Args:
        path: the file.
        max_bytes: the size in bytes at which a new file is started.

    Raises:
        OSError: the file cannot be opened. If writing fails later, for example because the disk is full, that is an
            error of the hook: it is logged once, and the connection is not affected.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int = _MAX_BYTES) -> None:
        self._path: pathlib.Path = pathlib.Path(path)
        self._max_bytes: int = max_bytes
        self._file: io.FileIO = _open(self._path)
        self._size: int = self._path.stat().st_size
        self._torn: bool = self._size > 0 and _last_byte(self._path) != b"\n"

    def __repr__(self) -> str:
        return f"TraceFile({str(self._path)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; details that come later are ignored. Idempotent."""
        self._file.close()

    def __call__(self, detail: Detail, /) -> None:
        """Write *detail*."""
        if self._file.closed:
            return
        line = (to_line(detail) + "\n").encode()
        if self._size and self._size + len(line) > self._max_bytes:
            self._begin_anew()
        # The last line may be incomplete, after a full disk or in the file of a killed program: end it first.
        line = b"\n" + line if self._torn else line
        self._torn = True
        written = self._file.write(line) or 0
        self._torn = written < len(line)
        self._size += written

    def _begin_anew(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._file, self._size, self._torn = _open(self._path), 0, False


def _open(path: pathlib.Path) -> io.FileIO:
    # Unbuffered, so that each line has been passed to the operating system when the hook returns.
    return io.FileIO(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _last_byte(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read()


@attrs.frozen
class Trace:
    """The content of a trace file.

    Attributes:
        details: the details, in the order in which they were written.
        unreadable: the number of lines without a known detail: incomplete ones, and those of a newer version.
    """

    details: tuple[Detail, ...]
    unreadable: int


@checked
def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read the file that a `TraceFile` wrote.

    An incomplete line, as a killed program leaves it, is counted and skipped.

    Raises:
        TraceError: the file cannot be read, or contains no detail.
    """
    try:
        lines = pathlib.Path(path).read_bytes().splitlines()
    except OSError as error:
        message = f"The trace {path} cannot be read: {error.strerror or error}."
        raise TraceError(message) from error
    details: list[Detail] = []
    unreadable = 0
    for line in filter(None, lines):
        detail = from_line(line)
        if detail is None:
            unreadable += 1
        else:
            details.append(detail)
    if not details:
        what = "none of its lines is a detail" if unreadable else "it is empty"
        message = f"{path} is no trace of cometconn: {what}."
        raise TraceError(message)
    return Trace(tuple(details), unreadable)


def to_line(detail: Detail) -> str:
    """Return *detail* as a JSON object, whose first member is the name of the class."""
    return json.dumps({"detail": type(detail).__name__, **to_fields(detail)})


def to_fields(detail: Detail) -> dict[str, Any]:
    """Return the fields of *detail* as JSON has them."""
    fields: dict[str, Any] = _CONVERTER.unstructure(detail)
    return fields


def from_line(line: str | bytes) -> Detail | None:
    """Return the detail in *line*, or `None` if it contains none."""
    try:
        fields: Any = json.loads(line)
        detail: Detail = _CONVERTER.structure(fields, _KINDS[_RENAMED.get(name := fields.pop("detail"), name)])
    except Exception:  # noqa: BLE001 - one invalid line must not make the others unreadable
        return None
    return detail
