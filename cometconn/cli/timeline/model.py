"""A trace put in order: spans, curves and marks on the wall clock."""

from __future__ import annotations

from typing import TypeVar

import attrs

__all__ = ["LeaseSpan", "Mark", "PingSample", "Span", "Timeline"]


@attrs.frozen
class Span:
    """Something that lasted.

    Attributes:
        begin, end: seconds since 1970.
        kind: what; a class of the picture's style sheet.
        words: the same for people.
    """

    begin: float
    end: float
    kind: str
    words: str


@attrs.frozen
class Mark:
    """Something that happened at one moment.

    Attributes:
        at: when, in seconds since 1970.
        kind, words: as in `Span`.
        label: what stands beside it, if there is room.
    """

    at: float
    kind: str
    words: str
    label: str = ""


@attrs.frozen
class LeaseSpan:
    """A time in which the lease had one deadline; both and the deadline in seconds since 1970, `inf` for never."""

    begin: float
    end: float
    deadline: float


@attrs.frozen
class PingSample:
    """A ping that was sent `at`; `round_trip` is `None` when no pong came."""

    at: float
    round_trip: float | None


S = TypeVar("S", Span, LeaseSpan)


@attrs.define
class Timeline:
    """One client's trace. Every list is in order of time.

    Attributes:
        connection_id: which client.
        grace: its `background_grace`, in seconds.
        begin, end: the first and the last detail, in seconds since 1970.
        statuses, apps: cover the whole time; `apps` without the time in which no program ran.
        asleep, gaps, paused: where there were any.
        leases: while there was one.
        pings: those of the application, and keepalive's.
        messages, fetched: when how many events came live, and how many missed ones after an absence.
        marks: what went wrong, or was done about it.
        closed: the client was left; else the trace just stops.
    """

    connection_id: str
    begin: float
    end: float
    grace: float = 30.0
    statuses: list[Span] = attrs.field(factory=list)
    apps: list[Span] = attrs.field(factory=list)
    asleep: list[Span] = attrs.field(factory=list)
    gaps: list[Span] = attrs.field(factory=list)
    paused: list[Span] = attrs.field(factory=list)
    leases: list[LeaseSpan] = attrs.field(factory=list)
    pings: list[PingSample] = attrs.field(factory=list)
    messages: list[tuple[float, int]] = attrs.field(factory=list)
    fetched: list[tuple[float, int]] = attrs.field(factory=list)
    marks: list[Mark] = attrs.field(factory=list)
    closed: bool = False

    def between(self, begin: float, end: float) -> Timeline:
        """Return the part of it from *begin* to *end*."""
        begin, end = max(begin, self.begin), min(end, self.end)

        def cut(spans: list[S]) -> list[S]:
            return [
                attrs.evolve(span, begin=max(span.begin, begin), end=min(span.end, end))
                for span in spans
                if span.end >= begin and span.begin <= end
            ]

        return attrs.evolve(
            self,
            begin=begin,
            end=end,
            statuses=cut(self.statuses),
            apps=cut(self.apps),
            asleep=cut(self.asleep),
            gaps=cut(self.gaps),
            paused=cut(self.paused),
            leases=cut(self.leases),
            pings=[ping for ping in self.pings if begin <= ping.at <= end],
            messages=[(at, count) for at, count in self.messages if begin <= at <= end],
            fetched=[(at, count) for at, count in self.fetched if begin <= at <= end],
            marks=[mark for mark in self.marks if begin <= mark.at <= end],
        )
