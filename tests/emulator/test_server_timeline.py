"""`cometconn.emulator.server_timeline`: a user's timeline, as the server saw it."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest

from cometconn import instrumentation as seen
from cometconn.emulator import Kind, ServerLog
from cometconn.emulator.backend.client_traces import ClientTraces
from cometconn.emulator.server_timeline import server_timeline, with_client
from cometconn.instrumentation.timeline.model import Timeline
from cometconn.instrumentation.timeline.picture import draw_timeline
from cometconn.instrumentation.trace import to_fields
from tests.instrumentation.examples import example

Step = tuple[float, Kind, int | None, str | None, dict[str, Any]]


def timeline(*steps: Step, began: float = 0.0, now: float = 10.0) -> Timeline:
    """Return the timeline of zed-1 after these steps; the log's clock is 1000 s behind."""
    clock = [0.0]
    log = ServerLog(lambda: clock[0])
    for at, kind, connection, uid, detail in steps:
        clock[0] = at
        log.add(kind, connection, uid, **detail)
    return server_timeline("zed-1", log, began=began, now=now, offset=1000.0)


def opened(at: float, number: int, uid: str = "zed-1") -> list[Step]:
    """Return the steps of a connection that is authenticated half a second after *at*."""
    return [
        (at, Kind.CONNECT, number, None, {"path": "/"}),
        (at + 0.1, Kind.UPGRADE, number, None, {"status": 101}),
        (at + 0.5, Kind.AUTH, number, uid, {"outcome": "accepted"}),
    ]


def spans(made: Timeline) -> list[tuple[float, float, str, str]]:
    """Return the spans of the status, on the log's clock."""
    return [(span.begin - 1000, span.end - 1000, span.kind, span.words) for span in made.statuses]


def marks(made: Timeline) -> list[tuple[float, str, str]]:
    """Return the marks, on the log's clock."""
    return [(mark.at - 1000, mark.kind, mark.label) for mark in made.marks]


def test_statuses_cover_the_time() -> None:
    """From no connection over connecting and connected to what ended it; other users are left out."""
    made = timeline(
        *opened(1, 1),
        *opened(2, 2, "amy-2"),
        (4, Kind.RESET, 1, "zed-1", {"by": "server"}),
        (4, Kind.GONE, 1, "zed-1", {"how": "reset", "code": None}),
        (5, Kind.GONE, 2, "amy-2", {"how": "close", "code": 1000}),
        *opened(6, 3),
    )
    assert spans(made) == [
        (0, 1, "disconnected", "no connection"),
        (1, 1.5, "connecting", "connecting"),
        (1.5, 4, "connected", "connection 1"),
        (4, 6, "disconnected", "reset"),
        (6, 6.5, "connecting", "connecting"),
        (6.5, 10, "connected", "connection 3"),
    ]
    assert marks(made) == [(4, "lost", "reset")]


def test_a_goodbye_of_the_client_is_no_loss() -> None:
    """A close of the server is one; with two connections the user stays connected."""
    made = timeline(
        *opened(0, 1),
        *opened(1, 2),
        (3, Kind.CLOSE_IN, 1, "zed-1", {"code": 1000}),
        (3, Kind.CLOSE_OUT, 1, "zed-1", {"code": 1000}),
        (3, Kind.GONE, 1, "zed-1", {"how": "close", "code": 1000}),
        (5, Kind.CLOSE_OUT, 2, "zed-1", {"code": 1011}),
        (5, Kind.CLOSE_IN, 2, "zed-1", {"code": 1011}),
        (5, Kind.GONE, 2, "zed-1", {"how": "close", "code": 1011}),
    )
    assert [(begin, kind) for begin, _, kind, _ in spans(made)] == [
        (0, "connecting"),
        (0.5, "connected"),
        (1.5, "connected"),
        (3, "connected"),
        (5, "disconnected"),
    ]
    assert marks(made) == [(5, "lost", "close 1011")]


@pytest.mark.parametrize(
    ("step", "mark"),
    [
        ((3, Kind.UPGRADE, 1, "zed-1", {"status": 503}), ("failed", "503")),
        ((3, Kind.AUTH, 1, "zed-1", {"outcome": "refused"}), ("refused", "refused")),
        ((3, Kind.CONTROL, 1, None, {"what": "drop", "how": "silent"}), ("lost", "silent")),
        ((3, Kind.REST, None, "zed-1", {"method": "GET", "path": "/me", "status": 429}), ("failed", "REST 429")),
        ((3, Kind.REST, None, "zed-1", {"method": "GET", "path": "/me", "status": None}), ("failed", "REST hangs")),
        ((3, Kind.REST, None, "zed-1", {"method": "GET", "path": "/me", "status": 404}), None),
        ((3, Kind.REST, None, "amy-2", {"method": "GET", "path": "/me", "status": 500}), None),
    ],
)
def test_trouble_is_marked(step: Step, mark: tuple[str, str] | None) -> None:
    """With a word; what is no trouble, or another user's, is not."""
    assert marks(timeline(*opened(0, 1), step)) == ([] if mark is None else [(3, *mark)])


def test_pings_and_frames() -> None:
    """A ping has the time of its pong, or none; other frames in both directions are events."""
    frame = {"frame": {"type": "message"}}
    made = timeline(
        *opened(0, 1),
        (1, Kind.FRAME_IN, 1, "zed-1", {"frame": {"action": "ping"}}),
        (1.25, Kind.FRAME_OUT, 1, "zed-1", {"frame": {"action": "pong"}}),
        (2, Kind.FRAME_IN, 1, "zed-1", {"frame": {"action": "ping"}}),
        (3, Kind.FRAME_OUT, 1, "zed-1", frame),
        (4, Kind.FRAME_IN, 1, "zed-1", {"text": "no JSON"}),
        (4, Kind.FRAME_IN, 1, "zed-1", {"frame": {"type": "auth"}}),
    )
    assert [(ping.at - 1000, ping.round_trip) for ping in made.pings] == [(1, 0.25), (2, None)]
    assert made.messages == [(1003, 1), (1004, 1)]


def test_the_client_adds_what_only_it_knows() -> None:
    """Its lease, app and round trips, of the client that reported last; what cannot be read is left out."""
    clock = [0.0]
    log = ServerLog(lambda: clock[0])
    for at, kind, connection, uid, detail in opened(0, 1):
        clock[0] = at
        log.add(kind, connection, uid, **detail)
    began = datetime.datetime.fromtimestamp(1001, datetime.UTC)

    def report(
        second: float, kind: type[seen.Detail], connection: int | None = 1, client: str = "APP-1", **fields: Any
    ) -> None:
        when = began + datetime.timedelta(seconds=second)
        shown = to_fields(example(kind, at=second, at_utc=when, **fields))
        shown = {name: value for name, value in shown.items() if name not in {"connection_id", "generation"}}
        log.add(
            Kind.TRACE,
            connection,
            source="s",
            client=client,
            generation=1,
            happened=second,
            detail=kind.__name__,
            words="",
            fields=shown,
        )

    report(0, seen.ClientOpened, None)
    report(0, seen.ClientOpened, None, "APP-2")
    report(1, seen.StatusChanged, status="connected", reason=None)
    report(3, seen.PongReceived, round_trip=0.5)
    report(2, seen.EnteredBackground)
    report(2, seen.DeadlineMoved, deadline=32.0, left=30.0)
    log.add(
        Kind.TRACE,
        1,
        source="s",
        client="APP-1",
        generation=1,
        happened=4,
        detail="PongReceived",
        words="",
        fields={"round_trip": "***"},
    )
    made = server_timeline("zed-1", log, began=0.0, now=10.0, offset=1000.0)
    traces = ClientTraces(log, lambda: clock[0], tuple)
    both = with_client("zed-1", made, log, traces)
    assert [(span.begin, span.end, span.kind) for span in both.apps] == [
        (1001, 1003, "foreground"),
        (1003, 1010, "background"),
    ]
    assert [(span.begin, span.end, span.deadline) for span in both.leases] == [
        (1002, 1003, math.inf),
        (1003, 1010, 1033),
    ]
    assert [(ping.at, ping.round_trip) for ping in both.pings] == [(1003.5, 0.5)]
    assert both.statuses == made.statuses
    assert with_client("amy-2", made, log, traces) is made


def test_the_picture_is_that_of_cometconn_timeline() -> None:
    """It is drawn by the same function, also where it begins in the middle, and names are escaped."""
    made = timeline(*opened(0, 1), began=2.0)
    assert spans(made) == [(2, 10, "connected", "connection 1")]
    picture = draw_timeline(made, styled=False, width=700)
    assert 'viewBox="0 0 700 ' in picture
    assert "<style>" not in picture
    assert "connection 1</text>" in picture
    odd = server_timeline("<b>&", ServerLog(lambda: 0.0), began=0.0, now=1.0, offset=0.0)
    assert "<b>" not in draw_timeline(odd)
