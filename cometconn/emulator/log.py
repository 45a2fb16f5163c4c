"""The log of what the server received and did, in order.

Tests read in it what a client really did on the wire: whether it connected, sent a close
frame, or only closed the TCP connection. No entry holds a secret.
"""

from __future__ import annotations

import enum
import itertools
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn._arguments import checked

from .limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Entry", "Kind", "ServerLog"]


class Kind(enum.Enum):
    """What an entry is about."""

    REST = "rest"
    """A REST request and its answer: `method`, `path`, `query`, `body` (empty if there is none, or if it is too long),
    `status` (`None` for a request that is never answered), `code`."""
    CONNECT = "connect"
    """A client requested the upgrade on a new connection, which gets the next number: `path`."""
    UPGRADE = "upgrade"
    """How the upgrade was answered: `status`."""
    AUTH = "auth"
    """An auth frame was processed: `outcome` is `accepted`, `refused` or `unanswered`."""
    FRAME_IN = "frame_in"
    """A text frame came: `frame`, or `text` when it is not a JSON object."""
    FRAME_OUT = "frame_out"
    """A text frame was written: as `FRAME_IN`."""
    IGNORED = "ignored"
    """A frame was not acted upon: `why`."""
    CLOSE_IN = "close_in"
    """The client's close frame: `code`, `None` when it carries none."""
    CLOSE_OUT = "close_out"
    """The server's close frame, or its answer to the client's: `code`."""
    EOF = "eof"
    """The client closed its side of the TCP connection."""
    RESET = "reset"
    """The TCP connection was reset: `by` is `client` or `server`."""
    GONE = "gone"
    """The connection is over, once for each `CONNECT`: `how`, `code`."""
    WEBHOOK = "webhook"
    """A webhook event was sent or dropped: `trigger`, `attempt` (from 1; 0 if none was made), `status` (`None` if no
    answer came), `dropped`."""
    CONTROL = "control"
    """A control of the server was used, such as `Emulator.set`: `what`."""
    TRACE = "trace"
    """A client sent what it saw or did itself (`cometconn.instrumentation.console_hook`), with the number of the
    connection that it is about, and its user, where that is known: `source` (the program), `client` (its name there), `generation`
    (the number of the client's WebSocket, from 1), `happened` (when, on the server's clock; such entries come a moment
    later), `detail` (the name of its class), `words` (a short description), `fields`."""


@attrs.frozen
class Entry:
    """One entry of the log.

    Attributes:
        number: counts from 0 since the server was made.
        at: when, on the server's clock, in seconds.
        kind: what happened.
        connection: the number of the WebSocket connection, from 1; `None` for REST and control.
        uid: the user concerned, where known.
        detail: the names and values that are listed at the `Kind`.
    """

    number: int
    at: float
    kind: Kind
    connection: int | None
    uid: str | None
    detail: Mapping[str, Any]


class ServerLog:
    """The entries, oldest first. Iterate over it, select entries with `of()`, or wait for one with `wait_for()`.

    The last `limit` entries are kept; `dropped` counts the others.
    """

    @checked
    def __init__(
        self, clock: Callable[[], float] = trio.current_time, *, limit: int = DEFAULT_LIMITS.log_entries
    ) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._added = trio.lowlevel.ParkingLot()
        self._position = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<ServerLog: {len(self)} entries, {self.dropped} dropped>"

    @property
    def position(self) -> int:
        """The number that the next entry will have."""
        return self._position

    @property
    def dropped(self) -> int:
        """How many entries are no longer kept."""
        return self._position - len(self._entries)

    def now(self) -> float:
        """Return the time on the log's clock, in seconds."""
        return self._clock()

    @checked
    def since(self, number: int, most: int | None = None) -> tuple[Entry, ...]:
        """Return the kept entries from *number* on, at most *most* of them."""
        first = max(0, number - self.dropped)
        return tuple(itertools.islice(self._entries, first, None if most is None else first + most))

    def add(self, kind: Kind, connection: int | None = None, uid: str | None = None, **detail: object) -> Entry:
        """Append an entry and wake the tasks that wait for one. For the server; a test only reads."""
        entry = Entry(self._position, self._clock(), kind, connection, uid, MappingProxyType(detail))
        self._position += 1
        self._entries.append(entry)
        self._added.unpark_all()
        return entry

    @checked
    def of(
        self, *kinds: Kind, uid: str | None = None, connection: int | None = None, since: int = 0
    ) -> tuple[Entry, ...]:
        """Return the kept entries of these kinds, of that user, of that connection, from number *since* on."""
        return tuple(
            entry
            for entry in self._entries
            if entry.kind in kinds
            and entry.number >= since
            and (uid is None or entry.uid == uid)
            and (connection is None or entry.connection == connection)
        )

    async def wait_news(self) -> None:
        """Wait until the next entry is appended. Always a checkpoint."""
        await self._added.park()

    @checked
    async def wait_for(self, predicate: Callable[[Entry], bool], *, since: int = 0) -> Entry:
        """Wait for an entry for which *predicate* is true, and return the first one.

        Entries that are there already count, from number *since* on: read `position` before
        an action and pass it here to wait for its effect. There is no time limit; set one with
        `trio.fail_after`. Nothing is consumed, and a cancelled wait changes nothing.
        """
        await trio.lowlevel.checkpoint()
        seen = since
        while True:
            for entry in self._entries:
                if entry.number >= seen and predicate(entry):
                    return entry
            seen = max(seen, self._position)
            await self._added.park()
