"""The picture of a trace: one client on one time axis, with a lane for each subject."""

from __future__ import annotations

import datetime
import html
from typing import TYPE_CHECKING

from .builder import build_timeline
from .lanes import band, captions, guide, lease_curve, log_height, marks, messages, pings
from .scale import Scale, duration_text
from .style import GLYPHS, STYLE
from .svg import line, number, path, rect, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cometconn.instrumentation import Detail

    from .model import Span, Timeline

__all__ = ["draw", "draw_timeline"]

_WIDTH, _LEFT, _MARGIN = 1200.0, 96.0, 16.0
_TOP, _BOTTOM = 68.0, 398.0
_IN_MINUTES, _IN_SECONDS = 600, 10  # seconds: so long a picture names its times in these units
_KEY = ("connected", "connecting", "waiting for a retry", "disconnected", "asleep")
_KEY_GAPS = (("recovered", "gap, recovered"), ("missing", "gap, missing"), ("paused", "not read: a stream was full"))
_KEY_MARKS = {
    "no-pong": "no pong",
    "lost": "lost",
    "failed": "attempt failed",
    "refused": "token refused",
    "renewal": "token renewed",
    "dropped": "events dropped",
}


def draw(
    details: Iterable[Detail], since: datetime.datetime | None = None, until: datetime.datetime | None = None
) -> str:
    """Return the SVG file for *details*. It depends on nothing else.

    Args:
        details: one or more, all of one client, in their order.
        since: leave out what was before this time.
        until: leave out what came after this time.
    """
    timeline = build_timeline(details)
    timeline = timeline.between(
        timeline.begin if since is None else since.timestamp(), timeline.end if until is None else until.timestamp()
    )
    return draw_timeline(timeline)


def draw_timeline(timeline: Timeline, *, styled: bool = True, width: float = _WIDTH) -> str:
    """Return the SVG file for *timeline*.

    Args:
        timeline: what to draw.
        styled: put the style sheet into the file. A page can have it once for all pictures.
        width: in pixels.
    """
    legend, height = _legend(width - _MARGIN)
    scale = Scale(timeline.begin, max(timeline.end, timeline.begin + 1.0), _LEFT, width - _MARGIN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" role="img">',
        f"<title>{html.escape(_heading(timeline))}</title>",
        f"<style>{STYLE}</style>" if styled else "",
        rect(0, 0, width, height, "paper"),
        text(16, 26, _heading(timeline), "heading"),
        text(16, 46, _summary(timeline)),
        *_axis(scale),
        *_lanes(timeline, scale),
        *legend,
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _lanes(timeline: Timeline, scale: Scale) -> list[str]:
    ends = (
        span for span in timeline.statuses if span.kind in {"disconnected", "absent"} and span.end - span.begin >= 1
    )
    drawn = [text(16, 85, "status"), *captions(ends, scale, 63)]
    drawn += band(timeline.statuses, scale, 68, 26, under="connected")
    drawn += [text(16, 115, "app"), *band(timeline.apps, scale, 102, 18), *band(timeline.asleep, scale, 102, 18)]
    drawn += [text(16, 150, "lease left"), *guide(scale, 132, f"{timeline.grace:g} s"), *guide(scale, 178, "0")]
    drawn += lease_curve(timeline.leases, scale, 132, 46, timeline.grace)
    drawn.append(text(16, 220, "ping"))
    for seconds, words in ((0.01, "10 ms"), (0.1, "0.1 s"), (1.0, "1 s")):
        drawn += guide(scale, 258 - 64 * log_height(seconds), words)
    drawn += pings(timeline.pings, scale, 194, 64)
    drawn += [text(16, 290, "events"), *messages(timeline, scale, 272, 46)]
    drawn += [text(16, 337, "gaps"), *band(timeline.gaps, scale, 326, 14), *band(timeline.paused, scale, 341, 4)]
    drawn += [text(16, 370, "trouble"), *marks(timeline.marks, scale, 358, GLYPHS)]
    nights = [
        rect(scale.x(span.begin), _TOP, scale.x(span.end) - scale.x(span.begin), 332, "shade")
        for span in timeline.asleep
    ]
    return nights + drawn


def _axis(scale: Scale) -> list[str]:
    drawn = [line(scale.left, _BOTTOM, scale.right, _BOTTOM, "axis")]
    for x, label in scale.ticks():
        drawn += [
            line(x, _TOP, x, _BOTTOM, "tick"),
            text(x, _BOTTOM + 16, label, f"small {'end' if x > scale.right - 24 else 'middle'}"),
        ]
    return [*drawn, text(16, _BOTTOM + 16, "UTC", "small")]


def _legend(right: float) -> tuple[list[str], float]:
    """Return the legend, in as many lines as it needs, and the height of the picture with it."""
    drawn: list[str] = []
    x, y = _MARGIN, _BOTTOM + 40
    for kind, words in (*((words.split()[0], words) for words in _KEY), *_KEY_GAPS):
        x, y = _wrapped(x, y, words, right)
        drawn += [rect(x, y - 9, 14, 10, kind), text(x + 19, y, words, "small")]
        x += _legend_width(words)
    x, y = _MARGIN, y + 19
    for kind, words in _KEY_MARKS.items():
        x, y = _wrapped(x, y, words, right)
        drawn += [path([f"M{number(x + 6)} {number(y - 4)}{GLYPHS[kind]}"], kind), text(x + 16, y, words, "small")]
        x += _legend_width(words)
    return drawn, y + 19


def _wrapped(x: float, y: float, words: str, right: float) -> tuple[float, float]:
    return (x, y) if x + _legend_width(words) - 24 <= right else (_MARGIN, y + 19)


def _legend_width(words: str) -> float:
    return 44 + 5.6 * len(words)


def _heading(timeline: Timeline) -> str:
    lasted = timeline.end - timeline.begin
    unit = "minutes" if lasted >= _IN_MINUTES else "seconds" if lasted >= _IN_SECONDS else "milliseconds"
    begin, end = (
        datetime.datetime.fromtimestamp(at, datetime.UTC).replace(tzinfo=None).isoformat(" ", unit)
        for at in (timeline.begin, timeline.end)
    )
    return f"{timeline.connection_id}, {begin} to {end.removeprefix(begin[:11])} UTC"


def _summary(timeline: Timeline) -> str:
    asleep = sum(span.end - span.begin for span in timeline.asleep)
    awake = timeline.end - timeline.begin - asleep
    connected = sum(_awake(span, timeline.asleep) for span in timeline.statuses if span.kind == "connected")
    losses = sum(mark.kind == "lost" for mark in timeline.marks)
    failed = sum(mark.kind == "failed" for mark in timeline.marks)
    words = [
        f"{duration_text(awake)} awake" if asleep else duration_text(awake),
        f"connected {connected / awake:.0%} of it" if awake else "",
        {0: "never lost", 1: "lost once", 2: "lost twice"}.get(losses, f"lost {losses} times"),
        f"{failed} failed attempt{'s' * (failed != 1)}",
        f"{sum(count for _, count in (*timeline.messages, *timeline.fetched)):,} events",
        "" if timeline.closed else "the trace stops without the client being left",
    ]
    return " · ".join(word for word in words if word)


def _awake(span: Span, asleep: Iterable[Span]) -> float:
    slept = (min(span.end, nap.end) - max(span.begin, nap.begin) for nap in asleep)
    return span.end - span.begin - sum(max(0.0, time) for time in slept)
