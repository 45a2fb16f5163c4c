"""What each lane draws, and that the picture of a long trace stays readable."""

from __future__ import annotations

import datetime
import itertools
import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometconn import instrumentation as seen
from cometconn.instrumentation.timeline import lanes
from cometconn.instrumentation.timeline.model import LeaseSpan, Mark, PingSample, Span, Timeline
from cometconn.instrumentation.timeline.picture import draw
from cometconn.instrumentation.timeline.scale import Scale, duration_text
from cometconn.instrumentation.timeline.style import GLYPHS, STYLE
from cometconn.instrumentation.timeline.svg import rect, text

from .test_builder import START, at, status

SCALE = Scale(0.0, 1000.0, 100.0, 1100.0)


def test_a_scale_maps_and_clips() -> None:
    """Seconds become pixels, and moments outside are at the edge."""
    assert [SCALE.x(moment) for moment in (-5, 0, 500, 1000, 2000)] == [100, 100, 600, 1100, 1100]
    assert [SCALE.bin(moment, 4.0) for moment in (-5, 0, 7.9, 8, 1000, 2000)] == [0, 0, 1, 2, 249, 249]


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (5, ["21:40:00", "21:40:01", "21:40:02", "21:40:03", "21:40:04", "21:40:05"]),
        (3600, ["21:40", "21:45"]),
        (8 * 3600, ["22:00", "23:00", "7 Mar", "01:00"]),
        (30 * 86400, ["8 Mar", "11 Mar", "14 Mar"]),
    ],
)
def test_ticks_are_round_and_not_too_close(seconds: float, labels: list[str]) -> None:
    """Ticks are from seconds to days, at least eighty pixels apart; midnight is a date."""
    ticks = Scale(START, START + seconds, 100.0, 1100.0).ticks()
    assert [label for _, label in ticks][: len(labels)] == labels
    assert all(later - sooner >= 80 for (sooner, _), (later, _) in itertools.pairwise(ticks))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.04 s"),
        (1.4, "1 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (720, "12 min"),
        (3600, "1 h"),
        (12000, "3 h 20 min"),
    ],
)
def test_duration_text(seconds: float, words: str) -> None:
    """A duration has at most two units."""
    assert duration_text(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "label"),
    [
        (0.25, "2026-03-06 21:40:00.000 to 21:40:00.250 UTC"),
        (45, "2026-03-06 21:40:00 to 21:40:45 UTC"),
        (3600, "2026-03-06 21:40 to 22:40 UTC"),
        (10 * 3600, "2026-03-06 21:40 to 2026-03-07 07:40 UTC"),
    ],
)
def test_the_heading_is_as_precise_as_the_trace_is_short(seconds: float, label: str) -> None:
    """The heading of a short trace has seconds or milliseconds, so that its two times differ."""
    details = [at(0.0, seen.PingSent), at(seconds, seen.PingSent)]
    assert f">APP-1, {label}<" in draw(details)


def test_texts_of_a_trace_cannot_become_markup() -> None:
    """A cause or an id in a trace cannot become markup."""
    assert "<b>" not in text(0, 0, "<b>") + rect(0, 0, 1, 1, "x", "<b>&")


def test_a_span_has_a_label_where_it_fits() -> None:
    """A narrow span has no label, only a title with its duration."""
    wide, narrow = Span(0, 500, "connected", "connected"), Span(500, 520, "waiting", "waiting")
    drawn = "".join(lanes.band([wide, narrow], SCALE, 0, 20))
    assert drawn.count("<text") == 1
    assert "<title>waiting, 20 s</title>" in drawn


def test_tiny_spans_are_drawn_together_and_above() -> None:
    """Ten thousand short outages are one path with at most one step for each column, above the spans they interrupt."""
    spans = [Span(begin / 10, begin / 10 + 0.05, "waiting", "waiting") for begin in range(10_000)]
    drawn = lanes.band([*spans, Span(0, 1000, "connected", "connected")], SCALE, 0, 20, under="connected")
    assert len(drawn) == 3
    assert drawn[0].startswith("<rect")
    assert drawn[-1].count("M") <= 700
    large = lanes.band(
        [Span(400, 500, "waiting", "waiting"), Span(0, 1000, "connected", "connected")], SCALE, 0, 20, under="connected"
    )
    assert [re.findall('class="(\\w+)"', part)[0] for part in large if "<rect" in part] == ["connected", "waiting"]


def test_captions_do_not_overlap() -> None:
    """The longest spans come first; a span with a label inside, or without room, has no caption; all stay in the picture."""
    spans = [
        Span(0, 10, "disconnected", "first"),
        Span(300, 310, "disconnected", "background timeout"),
        Span(330, 335, "disconnected", "lost in background"),
        Span(500, 900, "disconnected", "disconnect called"),
    ]
    drawn = "".join(lanes.captions(spans, SCALE, 0))
    assert re.findall(r">([\w ]+)</text>", drawn) == ["first", "background timeout"]
    assert all(float(x) >= 100 for x in re.findall(r'x="([\d.]+)"', drawn))


def test_the_lease_falls_and_jumps() -> None:
    """The lease is a sawtooth, or without room for one the band between its highest and lowest values."""
    wide = lanes.lease_curve([LeaseSpan(0, 20, 30), LeaseSpan(20, 40, 50)], Scale(0, 40, 0, 1000), 0, 100, 30.0)
    assert len(wide) == 2
    teeth = [LeaseSpan(begin, begin + 20, begin + 30) for begin in range(0, 100_000, 20)]
    band = "".join(lanes.lease_curve(teeth, Scale(0, 100_000, 0, 1000), 0, 100, 30.0))
    heights = {float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", band)}
    assert min(heights) == 0
    assert any(abs(height - 100 * 2 / 3) < 0.1 for height in heights)
    assert band.count("L") < 5000


def test_a_lease_without_a_deadline() -> None:
    """A lease without a deadline is a rectangle, with a text where it fits."""
    drawn = lanes.lease_curve([LeaseSpan(0, 500, math.inf), LeaseSpan(600, 601, math.inf)], SCALE, 0, 50, 30.0)
    assert sum("forever" in part for part in drawn) == 2
    assert sum("<text" in part for part in drawn) == 1


def test_pings_are_dots_and_bars_and_red_strokes() -> None:
    """Each column shows its fastest and slowest round trip; a ping without a pong is a stroke at the top."""
    few = lanes.pings([PingSample(0, 0.01), PingSample(1, 0.1), PingSample(500, None)], SCALE, 0, 90)
    assert "dot" in few[0]
    assert "no-pong" in few[1]
    assert few[0].count("M") == 1, "one column"
    many = lanes.pings([PingSample(at_ / 10, 0.01) for at_ in range(10_000)], SCALE, 0, 90)
    assert many[0].count("M") == 500
    assert many[1] == ""
    assert (lanes.log_height(0.0001), lanes.log_height(100.0)) == (0.0, 1.0)


def test_the_highest_bar_has_its_rate() -> None:
    """The rate is per minute, or for the time of one bar; fetched events are cut off at the top unless they are the only ones."""
    timeline = Timeline("APP-1", 0, 1000, messages=[(1, 5), (2, 5), (900, 1)], fetched=[(1, 0), (500, 1000)])
    drawn = lanes.messages(timeline, SCALE, 0, 40)
    assert ">10 in 4 s<" in "".join(drawn)
    assert all(float(height) <= 40 for height in re.findall(r"v-([\d.]+)", "".join(drawn)))
    slow = Scale(0.0, 100_000.0, 100.0, 1100.0)
    assert ">2/min<" in "".join(lanes.messages(timeline, slow, 0, 40))
    alone = Timeline("APP-1", 0, 1000, fetched=[(500, 7)])
    assert ">7 in 4 s<" in "".join(lanes.messages(alone, SCALE, 0, 40))


def test_marks_that_would_touch_share_a_glyph() -> None:
    """Marks that would touch are one glyph with their number beside it and the first six in its title."""
    spread = [Mark(10, "lost", "a", "close 1012"), Mark(20, "dropped", "b"), Mark(500, "lost", "c", "x" * 200)]
    together = [Mark(600 + second, "failed", f"attempt {second}") for second in range(30)]
    drawn = lanes.marks([*spread, *together], SCALE, 0, GLYPHS)
    svg = "".join(drawn)
    assert svg.count("<path") == 4
    assert "close 1012" in svg
    assert "xxx" not in svg
    assert "30\N{MULTIPLICATION SIGN}" in svg
    assert "and 24 more" in svg


def test_every_kind_has_a_colour() -> None:
    """Each class that a lane uses is in the style sheet."""
    kinds = {
        *GLYPHS,
        "connected",
        "connecting",
        "waiting",
        "disconnected",
        "absent",
        "foreground",
        "background",
        "asleep",
    }
    kinds |= {"shade", "forever", "left", "teeth", "pong", "message", "fetched", "recovered", "missing", "paused"}
    assert all(f".{kind}{{" in STYLE or f".{kind}," in STYLE for kind in kinds)


def test_one_detail_is_enough_for_a_picture() -> None:
    """A trace of one detail, which covers no time, is drawn."""
    drawn = draw([at(0, seen.ClientOpened)])
    assert "never lost" in drawn
    assert "the trace stops" in drawn


def test_a_long_trace_is_a_small_picture() -> None:
    """The picture of a month with many outages, in a hundred thousand details, is at most 300 kB."""
    chance, details, second = random.Random(1), [at(0, seen.ClientOpened)], 0.0
    for number in range(20_000):
        second += chance.expovariate(1 / 120)
        details += [
            status(second, chance.choice(["connected", "waiting", "connecting"])),
            at(second, seen.PingSent),
            at(second + 0.1, seen.PongReceived, round_trip=0.1),
            at(second + 0.1, seen.ConnectionLost if number % 3 else seen.AttemptFailed),
            at(second + 0.1, seen.EventsReceived, events=number % 7),
        ]
        second += 0.2
    drawn = draw(details)
    assert len(drawn) < 300_000
    assert drawn.count("<text") < 500


MOMENTS = st.floats(min_value=-1e6, max_value=1e10)


@given(st.lists(st.tuples(MOMENTS, st.sampled_from([seen.ClientOpened, seen.PingSent, seen.PongReceived])), min_size=1))
def test_any_times_can_be_drawn(moments: list[tuple[float, type[seen.Detail]]]) -> None:
    """Whatever the times of a trace are, a picture is drawn."""
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    limit = datetime.timedelta(days=365 * 200).total_seconds()
    details = [at(min(moment, limit), kind) for moment, kind in moments]
    assert draw(details, begin - datetime.timedelta(days=365 * 50)).endswith("</svg>\n")
