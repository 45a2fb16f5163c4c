"""The trace of a simulation: everything that was seen, line by line, and its hash."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

from cometconn.emulator.log import Kind, ServerLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cometconn.emulator.log import Entry

__all__ = ["Trace", "TracedLog"]

_LAST = 60


class Trace:
    """Lines with the virtual time. Only the last ones are kept, and a hash of all."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self.last: deque[str] = deque(maxlen=_LAST)
        self.lines = 0
        self._hash = hashlib.sha256()
        self._write = write

    def add(self, text: str) -> None:
        """Add a line."""
        line = f"{trio.current_time():.6f} {text}"
        self.lines += 1
        self.last.append(line)
        self._hash.update(f"{line}\n".encode())
        if self._write is not None:
            self._write(line)

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Add the library's warnings in this block, which go nowhere else."""
        logger, handler = logging.getLogger("cometconn"), _LogHandler(self)
        propagate, logger.propagate = logger.propagate, False
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = propagate

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()[:32]


class _LogHandler(logging.Handler):
    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.WARNING)
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        self._trace.add(f"log {record.levelname} {record.getMessage()}")


class TracedLog(ServerLog):
    """The server's log, each entry of which is also a line of the trace."""

    def __init__(self, trace: Trace, seen: Callable[[Entry], object]) -> None:
        super().__init__(limit=200)
        self._trace = trace
        self._seen = seen

    def add(self, kind: Kind, connection: int | None = None, uid: str | None = None, **detail: Any) -> Entry:
        """Append an entry."""
        entry = super().add(kind, connection, uid, **detail)
        self._trace.add(f"server {kind.value} {connection} {uid} {detail}")
        self._seen(entry)
        return entry
