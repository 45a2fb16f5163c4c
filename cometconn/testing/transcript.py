"""The transcript of a session: a file of JSON objects, one a line, for everything that was sent and received."""

from __future__ import annotations

import json
import os
import pathlib
from typing import IO, TYPE_CHECKING, Any, Final

import attrs
import trio

from cometconn._arguments import checked
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TranscriptFile", "TranscriptLine", "read_transcript"]

_VERSION: Final = 1
_LIMIT: Final = 256 * 1024 * 1024  # bytes: a longer file is not read into memory


@checked
@attrs.frozen
class TranscriptLine:
    """One line of a transcript.

    Attributes:
        at: when it happened, in seconds since the recording began.
        what: `request`, `answer` or `failure` (REST); `dial`, `dialled` or `undialled` (TCP); `upgrade`; `client` or
            `server` (a message of that side), `client_close` or `server_close` (a close frame), `client_end` or
            `server_end` (the end of the byte stream); `random`; `lost` (what follows cannot be decoded); `begin`.
        number: the number of the request or of the connection, from 1; 0 for a line that belongs to neither.
        detail: the rest of the line: `method`, `path`, `body`; `status`, `headers`, `body`; `error`; `frame`, `text` or
            `base64`; `code`, `reason`; `how`; `value`.
    """

    at: float
    what: str
    number: int = 0
    detail: Mapping[str, Any] = attrs.field(factory=dict, hash=False)

    def __str__(self) -> str:
        """Return the line in a short form, for error messages."""
        text = json.dumps(dict(self.detail), ensure_ascii=False)
        longest = 200
        return f"{self.what} {self.number} {text if len(text) <= longest else text[:longest] + '...'}"


@attrs.define(eq=False)
class TranscriptFile:
    """A transcript that is being written. Each line is passed to the system at once, so a killed program loses none.

    Writing blocks: a line is small, only the system's cache is written, and the order of the lines must be kept.

    Attributes:
        failure: the error after which nothing is written any more. A full disk must not end the recorded session.
    """

    _file: IO[str] = attrs.field(repr=False)
    _began: float = attrs.field(factory=trio.current_time, init=False)
    failure: OSError | None = attrs.field(default=None, init=False)

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> TranscriptFile:
        """Create a file that only its owner can read, or overwrite an existing one. Raises `OSError`."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        file = cls(os.fdopen(descriptor, "w", encoding="ascii"))
        file.write("begin", version=_VERSION)
        return file

    def write(self, what: str, number: int = 0, **detail: Any) -> None:
        """Append a line. Never raises; an error is kept in `failure`."""
        if self.failure is not None:
            return
        line = {"at": round(trio.current_time() - self._began, 6), "what": what, "number": number, **detail}
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            self.failure = error

    def close(self) -> None:
        """Close the file. If a write failed, raise that `OSError`."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error
        if self.failure is not None:
            raise self.failure


@checked
def read_transcript(path: str | os.PathLike[str]) -> tuple[TranscriptLine, ...]:
    """Read a transcript that `record()` wrote. This blocks, as `Path.read_text()` does.

    An incomplete last line, as a killed program leaves it, is skipped.

    Args:
        path: the file.

    Raises:
        SettingsError: the file is not a transcript, or is longer than 256 MiB; the message names the line.
        OSError: the file cannot be read.
    """
    source = pathlib.Path(path)
    if source.stat().st_size > _LIMIT:
        message = f"{source.name} is longer than {_LIMIT} bytes: no transcript to be read at once."
        raise SettingsError(message)
    texts = source.read_bytes().split(b"\n")
    # After the last newline comes nothing, or an incomplete line.
    lines = [_read_line(source.name, number, text) for number, text in enumerate(texts[:-1], 1)]
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
        raise SettingsError(message) from None  # the message does not quote the line
