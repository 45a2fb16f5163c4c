"""The details that clients send of themselves: beside what the server saw, what each client saw and did.

A detail has the time at which it happened on the client's wall clock, and names the client and the WebSocket. The server
finds its own connection by the port that the WebSocket came from, which the client's detail `Dialled` has, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from cometconn.emulator.jsontext import render
from cometconn.emulator.log import Kind

from .redact import by_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cometconn.emulator.jsontext import Json
    from cometconn.emulator.log import Entry, ServerLog
    from cometconn.instrumentation import Detail

__all__ = ["ClientTraces"]

_PORT_TIME: Final = 30.0
"""Seconds between a client's dial and the server's upgrade in which one port is one connection: ports are used again."""

_MOST: Final = 10_000
"""At most this many WebSockets of clients, and as many connections of the server, are known; the oldest are forgotten."""

_LONGEST: Final = 1_000
"""Longer texts in a detail are cut to this many characters."""


@attrs.define
class _Dial:
    """The port that one WebSocket of a client was dialled from, when, and the connection that it is here, once known."""

    port: int
    at: float
    connection: int | None = None


class ClientTraces:
    """Puts the details of clients into the log.

    Args:
        log: the server's log.
        wall_clock: seconds since 1970, on this machine's clock.
        secrets: returns what no entry may contain.
    """

    def __init__(self, log: ServerLog, wall_clock: Callable[[], float], secrets: Callable[[], Iterable[str]]) -> None:
        self._log = log
        self._wall_clock = wall_clock
        self._secrets = secrets
        self._connections: dict[int, tuple[int, float]] = {}
        self._users: dict[int, str] = {}
        self._dials: dict[tuple[str, str, int], _Dial] = {}
        self._batches: dict[str, int] = {}
        self._details: dict[int, Detail | None] = {}
        self._uploads = 0

    def note_connection(self, port: int, number: int) -> None:
        """Note that a connection of the server came from this port."""
        self._connections.pop(port, None)
        _keep(self._connections, port, (number, self._wall_clock()))

    def note_user(self, number: int, uid: str) -> None:
        """Note whose connection it is."""
        _keep(self._users, number, uid)

    def add(self, text: str, source: str | None = None, batch: int | None = None) -> Json:
        """Put the lines of a trace, as a `TraceFile` has them, into the log.

        Args:
            text: the lines.
            source: the program that they are from. Details of one source and one client belong together; without it
                each text is a source of its own.
            batch: the number of this text among those of its source. One that came before is not taken again, because
                a client sends a text again when it did not see the answer.

        Returns:
            How many lines were `taken`, and how many were `unreadable`.
        """
        if source is None:
            self._uploads += 1
            source = f"upload-{self._uploads}"
        if batch is not None:
            if batch <= self._batches.get(source, 0):
                return {"taken": 0, "unreadable": 0}
            self._batches.pop(source, None)
            _keep(self._batches, source, batch)
        lines = [line for line in text.splitlines() if line.strip()]
        read = [found for line in lines if (found := _read(line)) is not None]
        for detail, _ in read:  # first all dials: what comes before one in the text belongs to its connection, too
            self._note_dial(source, detail)
        # Almost always none: this keeps a server with thousands of tokens from looking for each in every text.
        whole = "\n".join(
            (source, *(value for _, fields in read for value in fields.values() if isinstance(value, str)))
        )
        secrets = [secret for secret in self._secrets() if secret in whole]
        for detail, fields in read:
            self._record(source, detail, fields, secrets)
        return {"taken": len(read), "unreadable": len(lines) - len(read)}

    def details(self, entries: Iterable[Entry]) -> list[Detail]:
        """Return the details in these entries of the log, in the order in which they happened.

        Each entry is read once, as long as the log has it: to read one takes 30 us, and a timeline that draws itself
        anew each second needs all of them each time.
        """
        # cattrs takes a tenth of a second to import, and most servers get no trace.
        from cometconn.instrumentation.trace import from_line  # noqa: PLC0415

        first = self._log.dropped
        self._details = {number: detail for number, detail in self._details.items() if number >= first}
        found = []
        for entry in entries:
            if entry.number not in self._details:
                shown = entry.detail
                fields = {"connection_id": shown["client"], "generation": shown["generation"], **shown["fields"]}
                self._details[entry.number] = from_line(render({"detail": shown["detail"], **fields}))
            found.append(self._details[entry.number])
        # A mask may stand where a number was: then there is none.
        return sorted((detail for detail in found if detail is not None), key=lambda detail: detail.at_utc)

    def _note_dial(self, source: str, detail: Detail) -> None:
        port = getattr(detail, "local_port", None)
        if port is not None:
            _keep(self._dials, _key(source, detail), _Dial(port, detail.at_utc.timestamp()))

    def _record(self, source: str, detail: Detail, fields: Json, secrets: Sequence[str]) -> None:
        shown = {name: by_value(value, secrets) if isinstance(value, str) else value for name, value in fields.items()}
        number = self._connection(source, detail)
        self._log.add(
            Kind.TRACE,
            number,
            None if number is None else self._users.get(number),
            source=by_value(source, secrets),
            client=shown.pop("connection_id"),
            generation=shown.pop("generation"),
            happened=self._log.now() - (self._wall_clock() - detail.at_utc.timestamp()),
            detail=type(detail).__name__,
            words=shown.pop("words"),
            fields=shown,
        )

    def _connection(self, source: str, detail: Detail) -> int | None:
        """Return the number of the connection that a detail is about, if that is known."""
        dial = self._dials.get(_key(source, detail))
        if dial is None:
            return None
        if dial.connection is None:  # the upgrade may have come after the dial was reported
            number, came = self._connections.get(dial.port, (0, 0.0))
            if number and abs(came - dial.at) < _PORT_TIME:
                dial.connection = number
        return dial.connection


def _read(line: str) -> tuple[Detail, Json] | None:
    """Return the detail in a line, and its fields with `words`; `None` if there is none, or one that JSON cannot have."""
    # cattrs takes a tenth of a second to import, and most servers get no trace.
    from cometconn.instrumentation import in_words  # noqa: PLC0415
    from cometconn.instrumentation.trace import from_line, to_fields  # noqa: PLC0415

    detail = from_line(line)
    if detail is None or detail.at_utc.tzinfo is None:
        return None
    try:
        detail.at_utc.timestamp()
        fields = to_fields(detail) | {"words": in_words(detail)}
        render(fields)
    except (ValueError, OverflowError):  # NaN, for example, and numbers beyond what a clock has
        return None
    return detail, {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in fields.items()}


def _key(source: str, detail: Detail) -> tuple[str, str, int]:
    return source[:_LONGEST], detail.connection_id[:_LONGEST], detail.generation


def _keep(known: dict[Any, Any], key: object, value: object) -> None:
    """Set a value, and forget the oldest one if there are too many."""
    known[key] = value
    if len(known) > _MOST:
        del known[next(iter(known))]
