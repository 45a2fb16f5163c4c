"""A session's transcript: one JSON object a line, each one thing that went over the wire."""

from __future__ import annotations

import json
import os
import pathlib
from typing import IO, TYPE_CHECKING, Any, Final

import attrs
import trio

from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TranscriptFile", "TranscriptLine", "read_transcript"]

_VERSION: Final = 1
_LIMIT: Final = 256 * 1024 * 1024  # bytes: what is longer is not read into memory


@attrs.frozen
class TranscriptLine:
    """One thing that happened.

    Attributes:
        at: when, in seconds since the recording began.
        what: `request`, `answer` or `failure` (REST); `dial`, `dialled` or `undialled` (TCP); `upgrade`; `client` or
            `server` (a message), `client_close` or `server_close`, `client_end` or `server_end`; `random`;
            `lost` (what followed could not be read); `begin`.
        number: of the request or of the connection, from 1; 0 for what belongs to neither.
        detail: `method`, `path`, `body`; `status`, `headers`, `body`; `error`; `frame`, `text` or `base64`;
            `code`, `reason`; `how`; `value`.
    """

    at: float
    what: str
    number: int = 0
    detail: Mapping[str, Any] = attrs.field(factory=dict, hash=False)

    def __str__(self) -> str:
        """The line in words, for errors."""
        text = json.dumps(dict(self.detail), ensure_ascii=False)
        longest = 200
        return f"{self.what} {self.number} {text if len(text) <= longest else text[:longest] + '...'}"


@attrs.define(eq=False)
class TranscriptFile:
    """The file while it is written. Every line is handed to the system at once: a program that is killed loses none.

    Writing is ordinary, blocking I/O: a line is small, goes to the system's cache, and must stand in its place.

    Attributes:
        failure: why nothing is written any more. A full disk must not end the session that is recorded.
    """

    _file: IO[str] = attrs.field(repr=False)
    _began: float = attrs.field(factory=trio.current_time, init=False)
    failure: OSError | None = attrs.field(default=None, init=False)

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> TranscriptFile:
        """Begin a new file, for its owner alone; an old one of that name is overwritten. Raises `OSError`."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        file = cls(os.fdopen(descriptor, "w", encoding="ascii"))
        file.write("begin", version=_VERSION)
        return file

    def write(self, what: str, number: int = 0, **detail: Any) -> None:
        """Append a line. Never raises: see `failure`."""
        if self.failure is not None:
            return
        line = {"at": round(trio.current_time() - self._began, 6), "what": what, "number": number, **detail}
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            self.failure = error

    def close(self) -> None:
        """Finish the file; raise the `OSError` that ended the writing, if one did."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error
        if self.failure is not None:
            raise self.failure


def read_transcript(path: str | os.PathLike[str]) -> tuple[TranscriptLine, ...]:
    """Read a transcript that `record()` wrote. Blocking, like `Path.read_text()`.

    A last line that is cut off, as a program that was killed leaves it, is left out.

    Args:
        path: the file.

    Raises:
        SettingsError: this is no transcript, or longer than 256 MiB; the message names the line.
        OSError: the file cannot be read.
    """
    source = pathlib.Path(path)
    if source.stat().st_size > _LIMIT:
        message = f"{source.name} is longer than {_LIMIT} bytes: no transcript to be read at once."
        raise SettingsError(message)
    texts = source.read_bytes().split(b"\n")
    whole, rest = texts[:-1], texts[-1]  # behind the last newline is nothing, or a line that was cut off
    del rest
    lines = [_read_line(source.name, number, text) for number, text in enumerate(whole, 1)]
    if not lines or lines[0].what != "begin" or lines[0].detail.get("version") != _VERSION:
        message = f"{source.name} does not begin as a transcript of version {_VERSION} does."
        raise SettingsError(message)
    return tuple(lines)


def _read_line(name: str, number: int, text: bytes) -> TranscriptLine:
    try:
        fields = json.loads(text)
        return TranscriptLine(float(fields.pop("at")), str(fields.pop("what")), int(fields.pop("number")), fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        message = f"{name}, line {number}, is no line of a transcript."
        raise SettingsError(message) from None  # the line itself may be anything
