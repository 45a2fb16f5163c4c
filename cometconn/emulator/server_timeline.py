"""The timeline of a user, as the server saw the user's connections, and as the client reported it: from the log."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import attrs

from cometconn.instrumentation.timeline.builder import build_timeline
from cometconn.instrumentation.timeline.model import Mark, PingSample, Span, Timeline

from .log import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .backend.client_traces import ClientTraces
    from .log import Entry

__all__ = ["server_timeline", "with_client"]


def server_timeline(uid: str, entries: Iterable[Entry], *, began: float, now: float, offset: float) -> Timeline:
    """Return the timeline of a user from *entries*, which may hold those of other users, too.

    What only the client knows, such as its lease and the state of the app, is not in it.

    Args:
        uid: the user.
        entries: of the log, in their order.
        began: when it begins, on the log's clock, in seconds.
        now: when it ends, likewise.
        offset: what to add to the log's clock for seconds since 1970.
    """
    kept = list(entries)
    numbers = {entry.connection for entry in kept if entry.uid == uid and entry.connection is not None}
    builder = _Builder(Timeline(f"{uid}, seen by the server", began + offset, now + offset, closed=True), offset)
    builder.status = Mark(began + offset, "disconnected", "no connection")
    for entry in kept:
        if entry.connection in numbers or (entry.connection is None and entry.uid == uid):
            builder.add(entry)
    return builder.finish()


def with_client(uid: str, seen: Timeline, entries: Iterable[Entry], reported: ClientTraces) -> Timeline:
    """Return the server's timeline with what the user's client reported of itself; without a report, unchanged.

    The server knows the statuses and frames of all connections; only the client knows its lease, the state of the app,
    gaps and the round trips of its pings.

    Args:
        uid: the user.
        seen: what `server_timeline()` returned.
        entries: of the log, in their order.
        reported: reads the details in them.
    """
    kept = list(entries)
    numbers = {entry.connection for entry in kept if entry.uid == uid and entry.connection is not None}
    traces = [entry for entry in kept if entry.kind is Kind.TRACE]
    clients = [_client_of(entry) for entry in traces if entry.connection in numbers]
    details = reported.details(entry for entry in traces if _client_of(entry) == clients[-1]) if clients else []
    if not details:
        return seen
    client = build_timeline(details)
    if not client.closed:
        if client.apps:
            client.apps[-1] = attrs.evolve(client.apps[-1], end=max(seen.end, client.apps[-1].end))
        if client.leases:
            client.leases[-1] = attrs.evolve(client.leases[-1], end=max(seen.end, client.leases[-1].end))
        client.end = max(seen.end, client.end)
    client = client.between(seen.begin, seen.end)
    return attrs.evolve(
        seen,
        connection_id=f"{uid}, seen by the server and by its client",
        grace=client.grace,
        apps=client.apps,
        leases=client.leases,
        asleep=client.asleep,
        gaps=client.gaps,
        paused=client.paused,
        pings=client.pings or seen.pings,
        marks=sorted([*seen.marks, *client.marks], key=lambda mark: mark.at),
    )


def _client_of(entry: Entry) -> tuple[object, object]:
    return entry.detail["source"], entry.detail["client"]


@attrs.define
class _Builder:
    """Takes entries one by one, and remembers what has begun but not ended."""

    timeline: Timeline
    offset: float
    status: Mark = attrs.field(init=False)
    _connections: dict[int, str] = attrs.field(factory=dict)
    _pings: dict[int, list[float]] = attrs.field(factory=dict)
    _closers: dict[int, str] = attrs.field(factory=dict)

    def add(self, entry: Entry) -> None:
        """Add the next entry."""
        read = _READERS.get(entry.kind)
        if read is not None:
            at = max(entry.at + self.offset, self.timeline.begin)
            read(self, entry, entry.connection or 0, at)

    def finish(self) -> Timeline:
        """End what has not ended, and return the timeline."""
        self._begin("", "", self.timeline.end)
        self.timeline.pings.extend(PingSample(at, None) for pings in self._pings.values() for at in pings)
        self.timeline.pings.sort(key=lambda ping: ping.at)
        return self.timeline

    def connect(self, _: Entry, number: int, at: float) -> None:
        self._move(number, "connecting", "connecting", at)

    def upgrade(self, entry: Entry, _: int, at: float) -> None:
        if entry.detail["status"] >= HTTPStatus.BAD_REQUEST:
            status = f"{entry.detail['status']}"
            self.timeline.marks.append(Mark(at, "failed", f"the upgrade was answered with {status}", status))

    def auth(self, entry: Entry, number: int, at: float) -> None:
        if entry.detail["outcome"] == "accepted":
            self._move(number, "connected", f"connection {number}", at)
        elif entry.detail["outcome"] == "refused":
            self.timeline.marks.append(Mark(at, "refused", "the auth frame was refused", "refused"))

    def frame_in(self, entry: Entry, number: int, at: float) -> None:
        frame = entry.detail.get("frame", {})
        if frame.get("action") == "ping":
            self._pings.setdefault(number, []).append(at)
        elif frame.get("type") != "auth":
            self.timeline.messages.append((at, 1))

    def frame_out(self, entry: Entry, number: int, at: float) -> None:
        frame = entry.detail.get("frame", {})
        waiting = self._pings.get(number)
        if frame.get("action") == "pong":
            if waiting:
                sent = waiting.pop(0)
                self.timeline.pings.append(PingSample(sent, at - sent))
        elif frame.get("type") != "auth":
            self.timeline.messages.append((at, 1))

    def close(self, entry: Entry, number: int, _: float) -> None:
        self._closers.setdefault(number, "client" if entry.kind is Kind.CLOSE_IN else "server")

    def gone(self, entry: Entry, number: int, at: float) -> None:
        how, code = entry.detail["how"], entry.detail["code"]
        words = f"close {code}" if code is not None else str(how)
        by = self._closers.pop(number, None)
        if by != "client" and how != "refused":
            self.timeline.marks.append(Mark(at, "lost", f"connection {number} was lost: {words}", words))
        self._connections.pop(number, None)
        left = list(self._connections.values())
        kind = "connected" if "connected" in left else "connecting" if left else "disconnected"
        self._begin(kind, f"{len(left)} connections" if left else words, at)

    def control(self, entry: Entry, _: int, at: float) -> None:
        if entry.detail.get("how") == "silent":
            self.timeline.marks.append(Mark(at, "lost", "the server fell silent", "silent"))

    def rest(self, entry: Entry, _: int, at: float) -> None:
        status = entry.detail["status"]
        if status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            words = f"REST {status or 'hangs'}"
            self.timeline.marks.append(
                Mark(at, "failed", f"{entry.detail['method']} {entry.detail['path']}: {words}", words)
            )

    def _move(self, number: int, kind: str, words: str, at: float) -> None:
        self._connections[number] = kind
        if kind == "connected" or self.status.kind != "connected":
            self._begin(kind, words, at)

    def _begin(self, kind: str, words: str, at: float) -> None:
        if at > self.status.at:
            self.timeline.statuses.append(Span(self.status.at, at, self.status.kind, self.status.words))
        self.status = Mark(at, kind, words)


_READERS: Final[Mapping[Kind, Callable[[_Builder, Entry, int, float], None]]] = {
    Kind.CONNECT: _Builder.connect,
    Kind.UPGRADE: _Builder.upgrade,
    Kind.AUTH: _Builder.auth,
    Kind.FRAME_IN: _Builder.frame_in,
    Kind.FRAME_OUT: _Builder.frame_out,
    Kind.CLOSE_IN: _Builder.close,
    Kind.CLOSE_OUT: _Builder.close,
    Kind.GONE: _Builder.gone,
    Kind.CONTROL: _Builder.control,
    Kind.REST: _Builder.rest,
}
