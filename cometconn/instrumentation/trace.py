"""Details as lines of JSON in a file, and back."""

from __future__ import annotations

import io
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any, Self

import attrs
from cattrs.preconf.json import make_converter

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


class TraceFile:
    """A hook that writes a trace: one JSON object a line, ready for `cometconn timeline`.

    A context manager: it stands around `open_client(..., hooks=[trace])`, so that the file is
    closed after the last detail.

    Every line is handed to the operating system before the next step, so that a program that
    is killed leaves all but perhaps half of the last one. A file that exists is continued.
    The file is for its owner alone (0600) where we make it. Several clients may share one.

    A detail costs about 25 microseconds and 200 bytes; events cost one for each read of
    the socket, not one each. At *max_bytes* the file is renamed to `NAME.1`, in place of the
    one of that name, and begun anew: never more than twice *max_bytes* lie on the disk.

    Args:
        path: the file.
        max_bytes: when to begin anew.

    Raises:
        OSError: it cannot be opened. Later a full disk is a failing hook: told once in the
            log, and the connection lives on.
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
        # After half a line (a full disk, a program that was killed) the next one begins on its own.
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
    # Not buffered: each line is with the operating system when the hook returns.
    return io.FileIO(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _last_byte(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read()


@attrs.frozen
class Trace:
    """What stood in a trace file.

    Attributes:
        details: in the order in which they were written.
        unreadable: lines that are no detail we know: torn ones, or of a newer version.
    """

    details: tuple[Detail, ...]
    unreadable: int


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read the file that a `TraceFile` wrote.

    A torn line, as a program that was killed leaves it, is counted and left out.

    Raises:
        TraceError: the file cannot be read, or there is no detail in it at all.
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
    """Return *detail* as JSON, its class's name first."""
    return json.dumps({"detail": type(detail).__name__, **_CONVERTER.unstructure(detail)})


def from_line(line: str | bytes) -> Detail | None:
    """Return the detail of a line, or `None` if there is none in it."""
    try:
        fields: Any = json.loads(line)
        detail: Detail = _CONVERTER.structure(fields, _KINDS[fields.pop("detail")])
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the other lines count
        return None
    return detail
