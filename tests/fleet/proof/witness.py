"""The witness: compares what the emulator was asked to send, and its sockets, with the raw log and the lines of the handlers.

It uses nothing of `cometconn`: it reads the journal of the emulator's process, and what `backends.py` reads of the engine.
"""

from __future__ import annotations

import collections
import itertools
import json
import pathlib
from collections.abc import Collection, Iterable, Sequence

import attrs

__all__ = ["Entry", "Handled", "Journal", "Socket", "crowded", "judge_handled", "judge_log", "most_in", "overlaps"]


@attrs.define(eq=False)
class Socket:
    """One socket of an account, as the server saw it. `ended` is `None` while it is open."""

    uid: str
    opened: float
    ended: float | None = None


@attrs.define(eq=False)
class Journal:
    """The record of the emulator's process, read up to its present end.

    Attributes:
        said: for each account the ids of the messages that were sent to it, in their order, with the wall time of each.
        sockets: by the number of the connection.
        attempts: when each connection was requested.
        logins: how many there were.
        rate: of the messages at present.
    """

    path: pathlib.Path
    said: dict[str, dict[int, float]] = attrs.field(factory=lambda: collections.defaultdict(dict))
    sockets: dict[int, Socket] = attrs.field(factory=dict)
    attempts: list[float] = attrs.field(factory=list)
    logins: int = 0
    rate: float = 0.0
    _read: int = 0

    def read(self) -> None:
        """Take over what was written since the last call."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._read += len(lines) + len(newline)
        for line in lines.splitlines():
            self.take(json.loads(line))

    def take(self, line: Sequence[object]) -> None:
        """Take over one line."""
        match line:
            case [_, "said", str(uid), int(number), float(wall)]:
                self.said[uid][number] = wall
            case [float(at), "attempt", _]:
                self.attempts.append(at)
            case [float(at), "open", int(connection), str(uid)]:
                self.sockets[connection] = Socket(uid, at)
            case [float(at), "end", int(connection)]:
                socket = self.sockets.get(connection)
                if socket is not None and socket.ended is None:
                    socket.ended = at
            case [_, "login", _]:
                self.logins += 1
            case [_, "rate", int(rate) | float(rate)]:
                self.rate = rate
            case _:
                raise ValueError(line)

    @property
    def count(self) -> int:
        """How many messages were sent."""
        return sum(map(len, self.said.values()))

    def connected(self, *, since: float = 0.0) -> dict[str, float]:
        """Return the accounts with an open socket that was opened after *since*, and when it was."""
        return {s.uid: s.opened for s in self.sockets.values() if s.ended is None and s.opened > since}

    def opened(self, *, since: float, until: float = float("inf")) -> list[str]:
        """Return the account of each socket that was opened in a span of time."""
        return [s.uid for s in self.sockets.values() if since < s.opened <= until]


@attrs.frozen
class Entry:
    """One entry of the log, in its order: `at` in seconds since 1970, `place` where it stands."""

    uid: str
    id: int
    at: float
    place: str


@attrs.frozen
class LogVerdict:
    """What is wrong in the log: lists of (account, id)."""

    lost: list[tuple[str, int]]
    doubled: list[tuple[str, int]]
    disordered: list[tuple[str, int]]
    invented: list[tuple[str, int]]


def judge_log(said: dict[str, dict[int, float]], log: Iterable[Entry]) -> LogVerdict:
    """Compare the log with what was sent: each message once, in the order of the ids of each account."""
    logged: dict[str, list[int]] = collections.defaultdict(list)
    for entry in log:
        logged[entry.uid].append(entry.id)
    wanted = {(uid, number) for uid, numbers in said.items() for number in numbers}
    counts = collections.Counter((uid, number) for uid, numbers in logged.items() for number in numbers)
    return LogVerdict(
        sorted(wanted - counts.keys()),
        sorted(key for key, count in counts.items() if count > 1),
        [(uid, b) for uid, numbers in logged.items() for a, b in itertools.pairwise(numbers) if b < a],
        sorted(counts.keys() - wanted),
    )


@attrs.frozen
class Handled:
    """One line of a handler or consumer: the process has handled a message."""

    process: int
    uid: str
    id: int


@attrs.frozen
class HandledVerdict:
    """What is wrong with what was handled.

    Attributes:
        lost: what was never handled.
        repeated: what was handled again.
        unexcused: of these, what had been handled by a process that was neither killed nor has lost its lease.
        disordered: what was handled for the first time after a greater id of its account.
    """

    lost: list[tuple[str, int]]
    repeated: list[tuple[str, int]]
    unexcused: list[tuple[str, int]]
    disordered: list[tuple[str, int]]


def judge_handled(
    wanted: Collection[tuple[str, int]], lines: Iterable[Handled], excused: Collection[int]
) -> HandledVerdict:
    """Compare what was handled, in the order of the handling, with what was to be. *excused* processes were killed."""
    by: dict[tuple[str, int], int] = {}
    last: dict[str, int] = collections.defaultdict(int)
    repeated, unexcused, disordered = [], [], []
    for line in lines:
        key = (line.uid, line.id)
        if key in by:
            repeated.append(key)
            if by[key] not in excused:
                unexcused.append(key)
        elif line.id < last[line.uid]:
            disordered.append(key)
        by[key] = line.process
        last[line.uid] = max(last[line.uid], line.id)
    return HandledVerdict(sorted(set(wanted) - by.keys()), repeated, unexcused, disordered)


def overlaps(sockets: Iterable[Socket], now: float) -> list[tuple[str, float, float]]:
    """Return each time at which an account had two sockets: the account, its begin, and its end."""
    found = []
    by_uid: dict[str, list[Socket]] = collections.defaultdict(list)
    for socket in sorted(sockets, key=lambda socket: socket.opened):
        for other in by_uid[socket.uid]:
            end = min(now if each.ended is None else each.ended for each in (socket, other))
            if end > socket.opened:
                found.append((socket.uid, socket.opened, end))
        by_uid[socket.uid].append(socket)
    return found


def crowded(
    sockets: Iterable[Socket], now: float, excuses: Iterable[tuple[Collection[str], float, float]]
) -> tuple[list[float], list[float]]:
    """Return how long accounts had two sockets: those that no excuse covers, and the others.

    An excuse is a set of accounts and the time in which the process that owned them was stopped.
    """
    wrong, excused = [], []
    allowed = list(excuses)
    for uid, begin, end in overlaps(sockets, now):
        covered = any(uid in uids and begin >= since and end <= until for uids, since, until in allowed)
        (excused if covered else wrong).append(end - begin)
    return wrong, excused


def most_in(times: Sequence[float], window: float) -> int:
    """Return how many of the sorted *times* lie in the fullest window of so many seconds."""
    most, first = 0, 0
    for last, time in enumerate(times):
        while times[first] <= time - window:
            first += 1
        most = max(most, last - first + 1)
    return most
