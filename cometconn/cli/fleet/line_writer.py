"""Lines on standard error that never block the event loop: a worker that waited for its reader would lose its lease."""

from __future__ import annotations

import datetime
import logging
import queue
import threading
from typing import TYPE_CHECKING, TextIO

import attrs

from cometconn.cli.terminal import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineHandler", "LineWriter"]

_MOST = 10_000  # lines that wait
_PATIENCE = 1.0  # seconds for the last lines


@attrs.define(eq=False)
class LineWriter:
    """Writes lines in a thread of its own, each with its time. If 10,000 wait, further ones are counted and dropped."""

    stream: TextIO
    _lines: queue.Queue[str | None] = attrs.field(factory=lambda: queue.Queue(_MOST), init=False)
    _dropped: int = attrs.field(default=0, init=False)
    _thread: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Start the thread. At the end of the process it is not waited for."""
        self._thread = threading.Thread(target=self._write, name="cometconn.fleet.lines", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Write one line. *text* may come from outside. Never blocks."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        try:
            if self._dropped:
                self._lines.put_nowait(f"{now} {self._dropped} lines were dropped, because nothing read them")
                self._dropped = 0
            self._lines.put_nowait(f"{now} {safe_text(text)}")
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, for 1 s at most."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_PATIENCE)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self.stream.write(f"{line}\n")
                self.stream.flush()
            except (OSError, ValueError):  # the reader has left: the worker goes on
                return


class LineHandler(logging.Handler):
    """Writes the library's warnings and errors in the same way, a traceback included."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__(logging.WARNING)
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, in as many lines as it has."""
        for line in self._lines(record):
            self._writer.write(line)

    def _lines(self, record: logging.LogRecord) -> Iterator[str]:
        yield f"{record.levelname.lower()}: {record.getMessage()}"
        if record.exc_info:
            yield from (f"    {line}" for line in logging.Formatter().formatException(record.exc_info).splitlines())
