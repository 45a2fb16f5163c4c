"""`cometconn timeline`: read a trace, draw it, write the picture."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cometconn.errors import TraceError
from cometconn.instrumentation import read_trace

from .picture import draw

if TYPE_CHECKING:
    import pathlib

__all__ = ["timeline"]


def timeline(trace: pathlib.Path, out: pathlib.Path, connection: str | None = None) -> None:
    """Draw the client *connection* of *trace*, or the only one in it, into *out*."""
    read = read_trace(trace)
    names = sorted({detail.connection_id for detail in read.details})
    if connection is None and len(names) > 1:
        message = f"There is more than one client in {trace}: choose with --connection: {', '.join(names)}."
        raise TraceError(message)
    details = [detail for detail in read.details if connection in {None, detail.connection_id}]
    if not details:
        message = f"There is no {connection} in {trace}, but {', '.join(names)}."
        raise TraceError(message)
    out.write_text(draw(details), encoding="utf-8")
    if read.unreadable:
        note = f"cometconn: {read.unreadable} lines of {trace} are torn or of a newer version, and left out."
        print(note, file=sys.stderr)  # noqa: T201 - a program's output
