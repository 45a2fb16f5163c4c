"""`cometconn fleet events`: reads the log, or consumes it as one of a group."""

from __future__ import annotations

import datetime
import json
import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn.cli.formatting import event_line
from cometconn.cli.terminal import json_line, safe_text
from cometconn.errors import SettingsError
from cometconn.fleet import open_consumer
from cometconn.fleet.log_format import decode_entry
from cometconn.fleet.values import EntryKind, Read, partition_of

from .engine_options import naming_fleet_options
from .run import default_name
from .snapshot import hole_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cometconn.fleet import EngineConnection
    from cometconn.fleet.values import LogEntry

    from .engine_options import EngineOptions

__all__ = ["LogReader", "consume", "entry_line", "entry_text", "show"]

_WAIT = 1.0  # seconds for which the engine waits for new entries
_QUIET = 2.0  # seconds without a delivery after which a consumer that does not follow has read everything
_LONGEST_START = 15.0  # seconds until the first delivery: others may have the partitions until then


@attrs.define(eq=False)
class LogReader:
    """Reads several partitions as one log, in the order of time, and in each partition in its own order.

    Attributes:
        connection: to the engine.
        partitions: which ones.
        follow: wait for new entries at the end.
    """

    connection: EngineConnection
    partitions: Iterable[int]
    follow: bool
    _after: dict[int, str] = attrs.field(init=False)
    _waiting: dict[int, deque[LogEntry]] = attrs.field(init=False)
    _at_end: set[int] = attrs.field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the oldest entries."""
        self._after = dict.fromkeys(self.partitions, "")
        self._waiting = {number: deque() for number in self._after}

    async def batch(self) -> list[LogEntry]:
        """Return the next entries; none at the end of the log, which with *follow* never comes. A checkpoint."""
        while True:
            await self._fill()
            if any(self._waiting.values()):
                return self._sorted()
            if not self.follow:
                return []

    async def _fill(self) -> None:
        empty = [number for number, entries in self._waiting.items() if not entries]
        wanted = empty if self.follow else [number for number in empty if number not in self._at_end]
        if not wanted:
            return
        wait = _WAIT if self.follow and len(empty) == len(self._waiting) else 0.0
        for result in await self.connection.read([Read(number, self._after[number]) for number in wanted], wait=wait):
            if result.rewound:  # what was read is forgotten; what is fetched again may have other cursors
                self._after[result.partition] = ""
            elif result.entries:
                self._after[result.partition] = result.entries[-1].cursor
                self._waiting[result.partition].extend(result.entries)
            else:
                self._at_end.add(result.partition)

    def _sorted(self) -> list[LogEntry]:
        """Take the oldest entries, until the next one of a partition would have to be read first."""
        found: list[LogEntry] = []
        filled = [entries for entries in self._waiting.values() if entries]
        while all(filled):
            found.append(min(filled, key=lambda entries: entries[0].at).popleft())
        return found


def entry_line(entry: LogEntry) -> str:
    """Return an entry as one line of JSON."""
    fields: dict[str, Any] = {
        "account": entry.account,
        "id": entry.id,
        "kind": entry.kind.value,
        "late": entry.late,
        "at": _time(entry),
        "cursor": entry.cursor,
    }
    event = None if entry.kind is EntryKind.HOLE else decode_entry(entry)
    if event is None:
        return json_line({**fields, "hole": hole_fields(entry.body)})
    return json_line({**fields, "event": json.loads(event_line(event))})


def entry_text(entry: LogEntry) -> str:
    """Return an entry as one line for people: time, account, message id, and what happened."""
    number = "" if entry.id is None else f" #{entry.id}"
    late = " (late)" if entry.late else ""
    return safe_text(f"{_time(entry)} {entry.account}{number}{late} {_what(entry)}")


def _time(entry: LogEntry) -> str:
    return datetime.datetime.fromtimestamp(entry.at, datetime.UTC).isoformat(timespec="milliseconds")


def _what(entry: LogEntry) -> str:
    if entry.kind is EntryKind.HOLE:
        hole = hole_fields(entry.body)
        if "dropped" in hole:
            return f"HOLE: {hole['dropped']} events were dropped"
        between = " and ".join(f"{word} {hole[name]}" for word, name in _BOUNDS if hole.get(name) is not None)
        return f"HOLE: messages {between or 'here'} may be missing"
    event = decode_entry(entry)
    name, text = type(event).__name__, getattr(event, "text", None)
    sender = getattr(getattr(event, "sender", None), "uid", None)
    words = f"{name} from {sender}" if sender else name
    return words if text is None else f"{words}: {text}"


_BOUNDS = (("after", "after_id"), ("before", "before_id"), ("since", "since"), ("until", "until"))


async def show(engine: EngineOptions, *, account: str | None, follow: bool, as_json: bool) -> None:
    """Print the log from its beginning; it is not changed."""
    async with engine.connect() as connection:
        if account is None:
            partitions: Sequence[int] = range(connection.partitions)
        else:
            await _check_account(connection, account)
            partitions = [partition_of(account, connection.partitions)]
        reader = LogReader(connection, partitions, follow)
        while entries := await reader.batch():
            await _print(entries, account, as_json=as_json)


async def consume(engine: EngineOptions, *, group: str, account: str | None, follow: bool, as_json: bool) -> None:
    """Print what a group of consumers has not handled yet, as one of its consumers, and acknowledge it.

    With *account*, entries of other accounts are acknowledged, too, and not printed.
    """
    name = f"{default_name()[:50]}-{os.getpid()}"
    made = engine.make()
    with naming_fleet_options():
        async with open_consumer(engine.app_id, engine=made, group=group, name=name) as consumer:
            patience = _LONGEST_START
            while True:
                with trio.move_on_after(float("inf") if follow else patience) as waiting:
                    deliveries = await consumer.batch()
                if waiting.cancelled_caught:
                    return
                await _print([delivery.entry for delivery in deliveries], account, as_json=as_json)
                await deliveries[-1].ack()
                patience = _QUIET


async def _check_account(connection: EngineConnection, account: str) -> None:
    known = {change.uid for change in (await connection.administration.accounts()).changes}
    if account in known:
        return
    # A removed account has its entries still.
    reader = LogReader(connection, [partition_of(account, connection.partitions)], follow=False)
    while entries := await reader.batch():
        if any(entry.account == account for entry in entries):
            return
    message = f"The fleet has no account {account}, and neither has its log."
    raise SettingsError(message)


async def _print(entries: Iterable[LogEntry], account: str | None, *, as_json: bool) -> None:
    chosen = [entry for entry in entries if account in {None, entry.account}]
    lines = map(entry_line if as_json else entry_text, chosen)
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    # In a thread, because the reader of the output may be slow, and a consumer has a lease to renew.
    await trio.to_thread.run_sync(_write, text, abandon_on_cancel=True)


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
