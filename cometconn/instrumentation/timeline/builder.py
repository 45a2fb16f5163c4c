"""Builds a timeline from the details of a trace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from cometconn import instrumentation as seen
from cometconn.instrumentation import in_words

from .model import LeaseSpan, Mark, PingSample, Span, Timeline
from .scale import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cometconn.instrumentation import Detail

__all__ = ["build_timeline"]


def build_timeline(details: Iterable[Detail]) -> Timeline:
    """Return the timeline of *details*: one or more, all of one client, and in their order."""
    ordered = list(details)
    first, last = ordered[0], ordered[-1]
    builder = TimelineBuilder(Timeline(first.connection_id, first.at_utc.timestamp(), last.at_utc.timestamp()))
    for detail in ordered:
        builder.add(detail)
    return builder.finish()


_MARKS: Mapping[type, str] = {
    seen.ConnectionLost: "lost",
    seen.AttemptFailed: "failed",
    seen.RenewalBegun: "renewal",
    seen.TokenRefused: "refused",
    seen.EventsDropped: "dropped",
    seen.DetailsDropped: "dropped",
}


def _label(detail: Detail) -> str:
    if isinstance(detail, seen.ConnectionLost):
        return f"close {detail.close_code}" if detail.close_code is not None else detail.cause
    return detail.cause if isinstance(detail, seen.TokenRefused) else ""


@attrs.define
class TimelineBuilder:
    """Takes details one by one, and remembers what has begun but not ended."""

    timeline: Timeline
    _status: Mark | None = None
    _app: Mark | None = None
    _lease: tuple[float, float] | None = None
    _paused: float | None = None
    _fetched: int = 0
    _open_pings: list[float] = attrs.field(factory=list)
    _last: float = -math.inf

    def add(self, detail: Detail) -> None:
        """Add the next detail."""
        # If the wall clock was set back, no span may end before it begins.
        now = max(detail.at_utc.timestamp(), self._last)
        kind = _MARKS.get(type(detail))
        if kind is not None:
            self.timeline.marks.append(Mark(now, kind, in_words(detail), _label(detail)))
        if (read := _READERS.get(type(detail))) is not None:
            read(self, detail, now)
        self._last = now
        self.timeline.end = now

    def finish(self) -> Timeline:
        """End what has not ended, and return the timeline."""
        self._end_run(self._last)
        return self.timeline

    def _end_run(self, now: float) -> None:
        self._end_status(now)
        self._end_app(now)
        self._end_lease(now)
        self.unanswered()
        if self._paused is not None:
            self.resume(now)

    def opened(self, detail: seen.ClientOpened, now: float) -> None:
        """Begin with a client that was opened."""
        if self._status is not None:  # the program was started again; what happened in between is unknown
            self._end_run(self._last)
            self.timeline.statuses.append(Span(self._last, now, "absent", "not running"))
        self.timeline.closed = False
        self.timeline.grace = detail.background_grace
        self._status = Mark(now, "disconnected", "not logged in")
        self._app = Mark(now, "foreground", "foreground")

    def changed(self, detail: seen.StatusChanged, now: float) -> None:
        """End the span of one status, and begin that of the next."""
        self._end_status(now)
        words = detail.status if detail.reason is None else detail.reason.value.replace("_", " ")
        self._status = Mark(now, detail.status, words)
        if detail.status == "disconnected":
            self._end_lease(now)
            self.timeline.closed = words == "client closed"
        elif self._lease is None:
            self._lease = (now, math.inf)

    def app_changed(self, detail: Detail, now: float) -> None:
        """End the span of one state of the app, and begin that of the next."""
        self._end_app(now)
        name = "background" if isinstance(detail, seen.EnteredBackground) else "foreground"
        self._app = Mark(now, name, name)

    def deadline_moved(self, detail: seen.DeadlineMoved, now: float) -> None:
        """End the span of one deadline, and begin that of the next."""
        self._end_lease(now)
        self._lease = (now, math.inf if detail.left is None else now + detail.left)

    def slept(self, detail: seen.MachineSlept, now: float) -> None:
        """Add the time that the machine slept."""
        self.timeline.asleep.append(
            Span(max(now - detail.slept, self.timeline.begin), now, "asleep", f"asleep {duration_text(detail.slept)}")
        )

    def gap(self, detail: seen.GapMarked, now: float) -> None:
        """Add a gap."""
        kind = "missing" if detail.recovered is False else "recovered"
        begin = max(now - (detail.at - detail.since), self.timeline.begin)
        self.timeline.gaps.append(Span(begin, max(begin, now - (detail.at - detail.until)), kind, in_words(detail)))

    def ping(self, _: Detail, now: float) -> None:
        """Remember a ping, until its pong comes."""
        self._open_pings.append(now)

    def pong(self, detail: seen.PongReceived, now: float) -> None:
        """Add the round trip of a ping; older ones had no pong."""
        sent = now - detail.round_trip
        while self._open_pings and self._open_pings[0] < sent - 0.001:
            self.timeline.pings.append(PingSample(self._open_pings.pop(0), None))
        del self._open_pings[:1]
        self.timeline.pings.append(PingSample(sent, detail.round_trip))

    def unanswered(self, _: object = None, __: float = 0.0) -> None:
        """Add the pings that had no pong."""
        self.timeline.pings.extend(PingSample(at, None) for at in self._open_pings)
        self._open_pings.clear()

    def events(self, detail: seen.EventsReceived, now: float) -> None:
        """Count events, those that were fetched apart."""
        # Fetched events reach the streams, and are counted, right after their pages.
        fetched = min(self._fetched, detail.events)
        self._fetched = 0
        self.timeline.fetched.append((now, fetched))
        self.timeline.messages.append((now, detail.events - fetched))

    def page(self, detail: seen.PageFetched, _: float) -> None:
        """Count the messages of a page, whose events come next."""
        self._fetched += detail.messages

    def pause(self, _: Detail, now: float) -> None:
        """Begin a pause of reading."""
        self._paused = now

    def resume(self, now: float) -> None:
        """End a pause of reading."""
        assert self._paused is not None, "it was paused"
        self.timeline.paused.append(Span(self._paused, now, "paused", "a stream is full: not read"))
        self._paused = None

    def resumed(self, detail: seen.ReadingResumed, now: float) -> None:
        """End a pause whose beginning may not be in the trace."""
        self._paused = now - detail.paused if self._paused is None else self._paused
        self.resume(now)

    def _end_status(self, now: float) -> None:
        if self._status is not None:
            self.timeline.statuses.append(Span(self._status.at, now, self._status.kind, self._status.words))
            self._status = None

    def _end_app(self, now: float) -> None:
        if self._app is not None:
            self.timeline.apps.append(Span(self._app.at, now, self._app.kind, self._app.words))
            self._app = None

    def _end_lease(self, now: float) -> None:
        if self._lease is not None:
            self.timeline.leases.append(LeaseSpan(self._lease[0], now, self._lease[1]))
            self._lease = None


_READERS: Mapping[type, Callable[..., None]] = {
    seen.ClientOpened: TimelineBuilder.opened,
    seen.StatusChanged: TimelineBuilder.changed,
    seen.EnteredBackground: TimelineBuilder.app_changed,
    seen.EnteredForeground: TimelineBuilder.app_changed,
    seen.DeadlineMoved: TimelineBuilder.deadline_moved,
    seen.MachineSlept: TimelineBuilder.slept,
    seen.GapMarked: TimelineBuilder.gap,
    seen.PingSent: TimelineBuilder.ping,
    seen.PongReceived: TimelineBuilder.pong,
    seen.AttemptBegun: TimelineBuilder.unanswered,
    seen.EventsReceived: TimelineBuilder.events,
    seen.PageFetched: TimelineBuilder.page,
    seen.ReadingPaused: TimelineBuilder.pause,
    seen.ReadingResumed: TimelineBuilder.resumed,
}
