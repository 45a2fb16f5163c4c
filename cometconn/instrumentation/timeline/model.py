"""What a picture is drawn from: spans, leases, pings and marks on the wall clock."""

from __future__ import annotations

from typing import TypeVar

import attrs

__all__ = ["LeaseSpan", "Mark", "PingSample", "Span", "Timeline"]


@attrs.frozen
class Span:
    """A period of time.

    Attributes:
        begin, end: seconds since 1970.
        kind: what happened; also its class in the picture's style sheet.
        words: a description for people.
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
        label: a short text beside it, if there is room.
    """

    at: float
    kind: str
    words: str
    label: str = ""


@attrs.frozen
class LeaseSpan:
    """A period in which the lease had one deadline. All in seconds since 1970; the deadline is `inf` if there is none."""

    begin: float
    end: float
    deadline: float


@attrs.frozen
class PingSample:
    """A ping that was sent at `at`, in seconds since 1970; `round_trip`, in seconds, is `None` if no pong came."""

    at: float
    round_trip: float | None


S = TypeVar("S", Span, LeaseSpan)


@attrs.define
class Timeline:
    """One client's trace. Every list is in order of time.

    Attributes:
        connection_id: the client's.
        grace: its `background_grace`, in seconds.
        begin, end: the times of the first and the last detail, in seconds since 1970.
        statuses, apps: they cover the whole time; `apps` leaves out when no program ran.
        asleep, gaps, paused: when the machine slept, events may be missing, or reading was paused.
        leases: while the connection had a lease.
        pings: those of the application and of keepalive.
        messages, fetched: times and numbers of events that came live, and of missed ones that were fetched later.
        marks: failures, and what was done about them.
        closed: the client was closed before the trace ends.
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
        """Return the part from *begin* to *end*."""
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
