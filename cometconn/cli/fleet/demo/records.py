"""What happened, from two independent witnesses: the server's record of it, and the fleet's log."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import attrs

from cometconn.emulator import Kind
from cometconn.fleet.log_format import decode_entry
from cometconn.fleet.values import EntryKind, Read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cometconn.emulator import Emulator, Entry
    from cometconn.fleet import EngineConnection

__all__ = ["LogRecord", "Numbered", "ServerRecord", "Socket"]


@attrs.frozen
class Numbered:
    """A message.

    Attributes:
        uid: the account that it is for.
        id: CometChat's message id.
        text: its text.
    """

    uid: str
    id: int
    text: str


@attrs.define
class Socket:
    """An authenticated WebSocket connection, as the server saw it.

    Attributes:
        uid: the account.
        connection: its number at the server.
        opened: the number of the entry in the server's log.
        opened_at: when, on Trio's clock.
        closed: the number of the entry in the server's log; `None` while it is open.
        closed_at: when, on Trio's clock.
    """

    uid: str
    connection: int
    opened: int
    opened_at: float
    closed: int | None = None
    closed_at: float | None = None


@attrs.define(eq=False)
class ServerRecord:
    """The server's record: it keeps what the server's log, which is bounded, forgets.

    Attributes:
        server: the server.
        sockets: every authenticated connection, in the order in which they were opened.
        logins: how many logins it has accepted.
        missed: how many entries of its log were dropped before they were read.
    """

    server: Emulator
    sockets: list[Socket] = attrs.field(factory=list, init=False)
    logins: int = attrs.field(default=0, init=False)
    missed: int = attrs.field(default=0, init=False)
    _open: dict[int, Socket] = attrs.field(factory=dict, init=False)
    _next: int = attrs.field(default=0, init=False)

    def update(self) -> None:
        """Read what is new in the server's log."""
        log = self.server.log
        self.missed += max(0, log.dropped - self._next)
        for entry in log.of(Kind.AUTH, Kind.GONE, Kind.REST, since=self._next):
            self._take(entry)
        self._next = log.position

    def _take(self, entry: Entry) -> None:
        if entry.kind is Kind.REST:
            path = entry.detail["path"]
            self.logins += (
                entry.detail["method"] == "POST" and path.endswith("/auth_tokens") and entry.detail["status"] == 200
            )
        elif entry.connection is None or entry.uid is None:
            return
        elif entry.kind is Kind.GONE:
            socket = self._open.pop(entry.connection, None)
            if socket is not None:
                socket.closed, socket.closed_at = entry.number, entry.at
        elif entry.detail["outcome"] == "accepted":
            socket = Socket(entry.uid, entry.connection, entry.number, entry.at)
            self._open[entry.connection] = socket
            self.sockets.append(socket)

    @property
    def connected(self) -> frozenset[str]:
        """The accounts that have a connection now."""
        return frozenset(socket.uid for socket in self._open.values())

    def opened_since(self, at: float) -> Iterator[tuple[Socket, Socket | None]]:
        """Yield each connection that was opened after this time, with the one before it of the same account."""
        before: dict[str, Socket] = {}
        for socket in self.sockets:
            if socket.opened_at >= at:
                yield socket, before.get(socket.uid)
            before[socket.uid] = socket

    def messages(self) -> tuple[Numbered, ...]:
        """Return the messages that the server has stored, in the order in which they were sent."""
        return tuple(
            Numbered(message["receiver"], int(message["id"]), message["data"]["text"])
            for message in self.server.world.messages
        )


@attrs.define(eq=False)
class LogRecord:
    """The fleet's log, read to its end as often as wanted.

    Attributes:
        connection: to the engine.
        messages: every message in it, per account in the order of the log.
        holes: how many places of it may lack messages.
    """

    connection: EngineConnection
    messages: list[Numbered] = attrs.field(factory=list, init=False)
    holes: int = attrs.field(default=0, init=False)
    _cursors: list[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin at the beginning."""
        self._cursors = [""] * self.connection.partitions

    async def update(self) -> None:
        """Read what is new."""
        has_more = True
        while has_more:
            reads = [Read(partition, after=cursor) for partition, cursor in enumerate(self._cursors)]
            results = await self.connection.read(reads)
            has_more = False
            for result in results:
                for entry in result.entries:
                    has_more = True
                    self._cursors[result.partition] = entry.cursor
                    if entry.kind is EntryKind.HOLE:
                        self.holes += 1
                    elif entry.kind is EntryKind.MESSAGE and entry.id is not None:
                        text = getattr(decode_entry(entry), "text", "")
                        self.messages.append(Numbered(entry.account, entry.id, text))


def by_account(messages: Iterable[Numbered]) -> dict[str, Sequence[Numbered]]:
    """Return the messages of each account, in the given order."""
    found: dict[str, list[Numbered]] = collections.defaultdict(list)
    for message in messages:
        found[message.uid].append(message)
    return dict(found)
