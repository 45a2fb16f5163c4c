"""`cometconn timeline`: read a trace, draw it, write the picture."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING

from cometconn.cli.terminal import safe_text
from cometconn.errors import TraceError
from cometconn.instrumentation import read_trace
from cometconn.instrumentation.timeline.picture import draw

if TYPE_CHECKING:
    import pathlib

__all__ = ["timeline"]


def timeline(
    trace: pathlib.Path,
    out: pathlib.Path,
    *,
    connection: str | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> None:
    """Draw a client of the file *trace* from *since* to *until*, and write the picture to *out*.

    Args:
        trace: the trace.
        out: the SVG file.
        connection: the client's `connection_id`; `None` for the only client in the trace.
        since: the beginning; in UTC if it has no time zone.
        until: the end, likewise.

    Raises:
        TraceError: the trace cannot be read, or nothing in it matches.
    """
    read = read_trace(trace)
    names = sorted({detail.connection_id for detail in read.details})
    if connection is None and len(names) > 1:
        message = f"{trace} holds several clients: choose one with --connection: {', '.join(names)}."
        raise TraceError(message)
    details = [detail for detail in read.details if connection in {None, detail.connection_id}]
    if not details:
        message = f"{trace} holds no client {connection}; --connection can be {', '.join(names)}."
        raise TraceError(message)
    begin, end = _utc(since) or details[0].at_utc, _utc(until) or details[-1].at_utc
    if begin > min(end, details[-1].at_utc) or end < details[0].at_utc:
        first, last = (f"{detail.at_utc:%Y-%m-%dT%H:%M:%S}" for detail in (details[0], details[-1]))
        message = f"Nothing is left between --since and --until: {trace} covers {first} to {last} UTC."
        raise TraceError(message)
    out.write_text(draw(details, begin, end), encoding="utf-8")
    if read.unreadable:
        lines = "1 line" if read.unreadable == 1 else f"{read.unreadable} lines"
        note = f"cometconn: {lines} of {trace} left out: incomplete, or written by a newer version."
        print(safe_text(note), file=sys.stderr)  # noqa: T201 - a program's output


def _utc(moment: datetime.datetime | None) -> datetime.datetime | None:
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
