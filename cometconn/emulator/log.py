"""What the server saw and did, in order: the observer of every test.

The log tells the wire's truth. A client may believe what it likes about its sockets;
whether it dialled, said goodbye or vanished is read here. No entry holds a secret.
"""

from __future__ import annotations

import enum
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LOG_LIMIT", "Entry", "Kind", "ServerLog"]

LOG_LIMIT: Final = 10_000
"""So many entries are kept; the oldest are dropped first."""


class Kind(enum.Enum):
    """What an entry is about."""

    REST = "rest"
    """A REST request and its answer: `method`, `path`, `query`, `body` (empty if none, or too long), `status`, `code`.
    Status `None`: left hanging."""
    CONNECT = "connect"
    """A TCP connection came and asked for the upgrade: `path`. Its number is new."""
    UPGRADE = "upgrade"
    """How the upgrade was answered: `status`."""
    AUTH = "auth"
    """What became of an auth frame: `outcome` is `accepted`, `refused` or `unanswered`."""
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
    CONTROL = "control"
    """The test, or whoever runs the server, asked for something: `what`."""


@attrs.frozen
class Entry:
    """One thing that happened.

    Attributes:
        number: counts from 0 since the server was made.
        at: when, on the server's clock, in seconds.
        kind: what.
        connection: the number of the WebSocket connection, from 1; `None` for REST and control.
        uid: the user concerned, where known.
        detail: what `Kind` says for this kind.
    """

    number: int
    at: float
    kind: Kind
    connection: int | None
    uid: str | None
    detail: Mapping[str, Any]


class ServerLog:
    """The entries, oldest first. Iterate over it, ask it, or wait for an entry.

    The last `LOG_LIMIT` entries are kept; `dropped` counts the others.
    """

    def __init__(self, clock: Callable[[], float] = trio.current_time, *, limit: int = LOG_LIMIT) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._news = trio.lowlevel.ParkingLot()
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

    def add(self, kind: Kind, connection: int | None = None, uid: str | None = None, **detail: object) -> Entry:
        """Append an entry and wake whoever waits for one. The server's part, not a test's."""
        entry = Entry(self._position, self._clock(), kind, connection, uid, MappingProxyType(detail))
        self._position += 1
        self._entries.append(entry)
        self._news.unpark_all()
        return entry

    def of(
        self, *kinds: Kind, uid: str | None = None, connection: int | None = None, since: int = 0
    ) -> tuple[Entry, ...]:
        """Give the kept entries of these kinds, of that user, of that connection, from number *since* on."""
        return tuple(
            entry
            for entry in self._entries
            if entry.kind in kinds
            and entry.number >= since
            and (uid is None or entry.uid == uid)
            and (connection is None or entry.connection == connection)
        )

    async def wait_news(self) -> None:
        """Wait until the next entry is written. Always a checkpoint."""
        await self._news.park()

    async def wait_for(self, predicate: Callable[[Entry], bool], *, since: int = 0) -> Entry:
        """Wait for an entry for which *predicate* is true, and give the first one.

        Entries already there count, from number *since* on: take `position` before the
        deed and pass it here to wait for what follows. Waits for ever; bound it with
        `trio.fail_after`. Nothing is consumed, and cancelling it leaves nothing behind.
        """
        await trio.lowlevel.checkpoint()
        seen = since
        while True:
            for entry in self._entries:
                if entry.number >= seen and predicate(entry):
                    return entry
            seen = max(seen, self._position)
            await self._news.park()
