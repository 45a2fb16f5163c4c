"""The timeline that is built from a trace."""

from __future__ import annotations

import datetime
import math
from typing import Any

from cometconn import Reason
from cometconn import instrumentation as seen
from cometconn.instrumentation.timeline.builder import build_timeline
from cometconn.instrumentation.timeline.model import PingSample, Timeline

from ..examples import example

BEGAN = datetime.datetime(2026, 3, 6, 21, 40, tzinfo=datetime.UTC)
START = BEGAN.timestamp()


def at(second: float, kind: type[seen.Detail], **fields: Any) -> seen.Detail:
    """Return a detail at that second."""
    return example(kind, at=second, at_utc=BEGAN + datetime.timedelta(seconds=second), **fields)


def status(second: float, name: str, reason: Reason | None = None) -> seen.Detail:
    """Return a change of the status."""
    return at(second, seen.StatusChanged, status=name, reason=reason)


def spans(timeline: Timeline, lane: str) -> list[tuple[float, float, str]]:
    """Return the spans of a lane, in seconds since the beginning."""
    return [(span.begin - START, span.end - START, span.words) for span in getattr(timeline, lane)]


def test_statuses_and_app_states_cover_the_time() -> None:
    """Statuses and app states cover the time from the first detail to the last; the trace may end without a close."""
    timeline = build_timeline(
        [
            at(0, seen.ClientOpened),
            status(1, "connecting"),
            status(2, "connected"),
            at(5, seen.EnteredBackground),
            at(8, seen.EnteredForeground),
            status(9, "waiting"),
            at(10, seen.RetrySet),
        ]
    )
    assert spans(timeline, "statuses") == [
        (0, 1, "not logged in"),
        (1, 2, "connecting"),
        (2, 9, "connected"),
        (9, 10, "waiting"),
    ]
    assert spans(timeline, "apps") == [(0, 5, "foreground"), (5, 8, "background"), (8, 10, "foreground")]
    assert not timeline.closed


def test_the_lease_is_a_row_of_deadlines() -> None:
    """The lease has no deadline in the foreground, then one that moves, and ends with the status."""
    timeline = build_timeline(
        [
            at(0, seen.ClientOpened),
            status(0, "connected"),
            at(10, seen.DeadlineMoved, deadline=40.0, left=30.0),
            at(30, seen.DeadlineMoved, deadline=60.0, left=30.0),
            at(50, seen.DeadlineMoved, deadline=None, left=None),
            at(70, seen.DeadlineMoved, deadline=100.0, left=30.0),
            status(100, "disconnected", Reason.BACKGROUND_TIMEOUT),
            status(101, "disconnected", Reason.CLIENT_CLOSED),
        ]
    )
    assert [(lease.begin - START, lease.end - START, lease.deadline - START) for lease in timeline.leases] == [
        (0, 10, math.inf),
        (10, 30, 40),
        (30, 50, 60),
        (50, 70, math.inf),
        (70, 100, 100),
    ]
    assert spans(timeline, "statuses")[-1][2] == "client closed"
    assert timeline.closed


def test_pongs_answer_pings_in_order() -> None:
    """A ping has no pong if a later one was answered first, the next attempt begins, or the trace ends."""
    timeline = build_timeline(
        [
            at(0, seen.PingSent),
            at(10, seen.PingSent),
            at(10.5, seen.PongReceived, round_trip=0.5),
            at(20, seen.PingSent),
            at(30, seen.AttemptBegun),
            at(40, seen.PingSent),
        ]
    )
    assert timeline.pings == [
        PingSample(START, None),
        PingSample(START + 10, 0.5),
        PingSample(START + 20, None),
        PingSample(START + 40, None),
    ]


def test_fetched_messages_are_counted_apart_from_live_ones() -> None:
    """The messages of a page are counted with the next events."""
    timeline = build_timeline(
        [
            at(0, seen.EventsReceived, events=2),
            at(1, seen.PageFetched, messages=30),
            at(1, seen.PageFetched, messages=5),
            at(2, seen.EventsReceived, events=40),
            at(3, seen.EventsReceived, events=1),
        ]
    )
    assert [count for _, count in timeline.messages] == [2, 5, 1]
    assert [count for _, count in timeline.fetched] == [0, 35, 0]


def test_gaps_sleep_and_pauses_have_a_length() -> None:
    """Gaps, sleep and pauses are reported at their end; none begins before the trace does."""
    timeline = build_timeline(
        [
            at(0, seen.ClientOpened),
            at(5, seen.ReadingPaused),
            at(20, seen.ReadingResumed, paused=15.0),
            at(30, seen.GapMarked, since=22.0, until=30.0, recovered=False),
            at(31, seen.GapMarked, since=-100.0, until=31.0, recovered=True),
            at(50, seen.MachineSlept, slept=10.0),
            at(60, seen.ReadingResumed, paused=2.0),
            at(61, seen.ReadingPaused),
            at(65, seen.PingSent),
        ]
    )
    assert spans(timeline, "paused") == [
        (5, 20, "a stream is full: not read"),
        (58, 60, "a stream is full: not read"),
        (61, 65, "a stream is full: not read"),
    ]
    assert [(begin, end) for begin, end, _ in spans(timeline, "gaps")] == [(22, 30), (0, 31)]
    assert [span.kind for span in timeline.gaps] == ["missing", "recovered"]
    assert spans(timeline, "asleep") == [(40, 50, "asleep 10 s")]


def test_what_went_wrong_is_a_mark() -> None:
    """A mark has a text, and as its label the close code or else the cause."""
    timeline = build_timeline(
        [
            at(1, seen.ConnectionLost, close_code=1012, cause="it broke"),
            at(2, seen.ConnectionLost, close_code=None, cause="it broke"),
            at(3, seen.AttemptFailed),
            at(4, seen.TokenRefused, cause="no"),
        ]
    )
    assert [(mark.kind, mark.label) for mark in timeline.marks] == [
        ("lost", "close 1012"),
        ("lost", "it broke"),
        ("failed", ""),
        ("refused", "no"),
    ]


def test_a_program_that_ran_twice_was_not_there_in_between() -> None:
    """In a file with two runs, what had begun ends with the first run, and `apps` leaves out the time between them."""
    timeline = build_timeline(
        [
            at(0, seen.ClientOpened),
            status(1, "connected"),
            at(10, seen.PingSent),
            at(50, seen.ClientOpened, background_grace=3.0),
            at(51, seen.EnteredBackground),
        ]
    )
    assert spans(timeline, "statuses") == [
        (0, 1, "not logged in"),
        (1, 10, "connected"),
        (10, 50, "not running"),
        (50, 51, "not logged in"),
    ]
    assert spans(timeline, "apps")[:2] == [(0, 10, "foreground"), (50, 51, "foreground")]
    assert timeline.pings == [PingSample(START + 10, None)]
    assert timeline.grace == 3.0


def test_a_clock_that_was_set_back_turns_nothing_around() -> None:
    """After a clock was set back, the time stays the same until the clock has caught up."""
    timeline = build_timeline(
        [at(0, seen.ClientOpened), status(10, "connected"), status(5, "waiting"), status(12, "connected")]
    )
    assert [(begin, end) for begin, end, _ in spans(timeline, "statuses")] == [(0, 10), (10, 10), (10, 12), (12, 12)]


def test_a_part_of_the_timeline() -> None:
    """In a part of the timeline, spans are cut, and moments outside are left out."""
    timeline = build_timeline(
        [
            at(0, seen.ClientOpened),
            at(2, seen.EventsReceived, events=1),
            at(3, seen.PingSent),
            at(6, seen.EventsReceived, events=1),
            at(6, seen.AttemptFailed),
            at(9, seen.EnteredBackground),
            at(20, seen.EnteredForeground),
        ]
    ).between(START + 5, START + 10)
    assert spans(timeline, "apps") == [(5, 9, "foreground"), (9, 10, "background")]
    assert (len(timeline.messages), len(timeline.pings), len(timeline.marks)) == (1, 0, 1)
    assert (timeline.begin, timeline.end) == (START + 5, START + 10)
