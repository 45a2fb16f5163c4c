"""The lanes of the picture: each function turns a part of the timeline into SVG.

However long the trace is, a lane draws at most a few elements for each pixel of its width:
what is too small to be visible alone is drawn together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .scale import duration_text
from .svg import fits, line, number, path, rect, text, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .model import LeaseSpan, Mark, PingSample, Span, Timeline
    from .scale import Scale

__all__ = ["band", "captions", "guide", "lease_curve", "log_height", "marks", "messages", "pings"]

_MIN_TITLED = 3.0  # pixels: a span this wide has a title of its own
_MIN_WIDTH = 1.5  # pixels: nothing is drawn narrower
_GLYPH = 11.0  # pixels from mark to mark
_ROW = 13.0  # pixels from row to row
_ROWS = {"lost": 0, "failed": 1, "refused": 1, "renewal": 1, "dropped": 2}
_MAX_TITLES = 6  # marks whose words one title holds
_MINUTE = 60.0
_MAX_DOTS = 200  # columns with pings: up to so many are drawn as dots
_BAR = 4.0  # pixels: the width of a bar of events
_FASTEST, _SLOWEST = 0.001, 10.0  # seconds: the round trips at the bottom and the top


def band(spans: Sequence[Span], scale: Scale, y: float, height: float, *, under: str = "") -> list[str]:
    """Draw spans side by side, each labelled where the words fit; those of the kind *under* lie below the others."""
    drawn, small = [], dict[str, dict[int, str]]()
    for span in sorted(spans, key=lambda span: span.kind != under):
        x, to = scale.x(span.begin), scale.x(span.end)
        if to - x < _MIN_TITLED:
            step = f"M{number(x)} {number(y)}h{_MIN_WIDTH}v{number(height)}h-{_MIN_WIDTH}z"
            small.setdefault(span.kind, {}).setdefault(scale.bin(span.begin, _MIN_WIDTH), step)
            continue
        lasted = duration_text(span.end - span.begin)
        title = span.words if span.words.endswith(lasted) else f"{span.words}, {lasted}"
        drawn.append(rect(x, y, to - x, height, span.kind, title))
        label = span.words if fits(span.words, to - x) else ""
        if label:
            drawn.append(text((x + to) / 2, y + height / 2 + 4, label, f"on-{span.kind} middle"))
    return drawn + [path(steps.values(), kind) for kind, steps in small.items()]


def lease_curve(leases: Iterable[LeaseSpan], scale: Scale, y: float, height: float, grace: float) -> list[str]:
    """Draw how long the lease has left: a curve that falls, and jumps up with each ping."""
    drawn: list[str] = []
    columns: dict[int, tuple[float, float]] = {}
    for lease in leases:
        if lease.deadline == math.inf:
            x, to = scale.x(lease.begin), scale.x(lease.end)
            drawn.append(rect(x, y, max(to - x, _MIN_WIDTH), height, "forever", "no deadline"))
            if fits("no deadline", to - x):
                drawn.append(text((x + to) / 2, y + height / 2 + 4, "no deadline", "small middle"))
            continue
        first, last = scale.bin(lease.begin, 1.0), scale.bin(lease.end, 1.0)
        second = (scale.end - scale.begin) / (scale.right - scale.left)
        for column in range(first, last + 1):
            began = max(lease.begin, scale.begin + column * second)
            ended = max(began, min(lease.end, scale.begin + (column + 1) * second))
            low, high = columns.get(column, (math.inf, 0.0))
            columns[column] = (
                max(0.0, min(low, lease.deadline - ended)),
                min(grace, max(high, lease.deadline - began)),
            )
    for run in _runs(columns):
        lower = [(scale.left + x, y + height * (1 - columns[x][0] / grace)) for x in run]
        upper = [(scale.left + x, y + height * (1 - columns[x][1] / grace)) for x in run]
        corner = (lower[-1][0] + 1, lower[-1][1])
        floor = [(corner[0], y + height), (lower[0][0], y + height)]
        drawn.append(path(_outline([*lower, corner, *floor]), "left"))
        drawn.append(path(_outline([*upper, corner, *reversed(lower)]), "teeth"))
    return drawn


def pings(all_pings: Iterable[PingSample], scale: Scale, y: float, height: float) -> list[str]:
    """Draw round trips on a logarithmic scale; a ping without a pong is a stroke at the top."""
    columns: dict[int, tuple[float, float]] = {}
    silent: dict[int, str] = {}
    for ping in all_pings:
        column = scale.bin(ping.at, 2.0)
        if ping.round_trip is None:
            silent[column] = f"M{number(scale.left + 2 * column + 1)} {number(y)}v8"
        else:
            height_of = y + height * (1 - log_height(ping.round_trip))
            low, high = columns.get(column, (height_of, height_of))
            columns[column] = (max(low, height_of), min(high, height_of))
    steps = [f"M{number(scale.left + 2 * x + 1)} {number(low)}V{number(high)}" for x, (low, high) in columns.items()]
    return [path(steps, "pong" if len(steps) > _MAX_DOTS else "pong dot"), path(silent.values(), "no-pong", "no pong")]


def log_height(seconds: float) -> float:
    """Return the height of a round trip on the logarithmic scale, from 0 to 1."""
    share = math.log(max(seconds, _FASTEST) / _FASTEST) / math.log(_SLOWEST / _FASTEST)
    return min(share, 1.0)


def messages(timeline: Timeline, scale: Scale, y: float, height: float) -> list[str]:
    """Draw the number of events as bars: live ones, and behind them fetched ones, cut off at the top."""
    live, fetched = _columns(timeline.messages, scale), _columns(timeline.fetched, scale)
    most = max(live.values(), default=0) or max(fetched.values(), default=1)
    wide = (scale.end - scale.begin) / (scale.right - scale.left) * _BAR
    bars = [
        path((_bar(scale.left + x * _BAR, y, height, count / most) for x, count in sorted(columns.items())), kind)
        for columns, kind in ((fetched, "fetched"), (live, "message"))
    ]
    rate = f"{most * 60 / wide:.0f}/min" if wide >= _MINUTE / 2 else f"{most} in {duration_text(wide)}"
    return [*guide(scale, y, rate), *bars]


def _columns(events: Iterable[tuple[float, int]], scale: Scale) -> dict[int, int]:
    columns: dict[int, int] = {}
    for at, count in events:
        if count:
            column = scale.bin(at, _BAR)
            columns[column] = columns.get(column, 0) + count
    return columns


def _bar(x: float, y: float, height: float, share: float) -> str:
    tall = min(max(height * share, _MIN_WIDTH), height)
    return f"M{number(x)} {number(y + height)}h{_BAR - 1:g}v-{number(tall)}h-{_BAR - 1:g}z"


def marks(all_marks: Iterable[Mark], scale: Scale, y: float, glyphs: Mapping[str, str]) -> list[str]:
    """Draw a glyph for each mark; marks so close that their glyphs would touch share one, with their number."""
    rows: dict[int, list[list[Mark]]] = {}
    for mark in all_marks:
        row = rows.setdefault(_ROWS[mark.kind], [])
        alone = not row or row[-1][0].kind != mark.kind or scale.x(mark.at) - scale.x(row[-1][-1].at) >= _GLYPH
        row.append([mark]) if alone else row[-1].append(mark)
    drawn: list[str] = []
    for place, groups in rows.items():
        level = y + place * _ROW
        ends = [scale.x(group[0].at) for group in groups[1:]]
        for group, end in zip(groups, [*ends, scale.right], strict=True):
            x, first = scale.x(group[0].at), group[0]
            words = [mark.words for mark in group[:_MAX_TITLES]]
            words += [f"and {len(group) - _MAX_TITLES} more"] if len(group) > _MAX_TITLES else []
            drawn.append(path([f"M{number(x)} {number(level)}{glyphs[first.kind]}"], first.kind, "\n".join(words)))
            label = first.label if len(group) == 1 else f"{len(group)}\N{MULTIPLICATION SIGN}"
            if label and fits(label, end - x - _GLYPH):
                drawn.append(text(x + 9, level + 4, label, "small"))
    return drawn


def captions(spans: Iterable[Span], scale: Scale, y: float) -> list[str]:
    """Write the words of narrow spans above a lane, those of the longest first, where there is room."""
    taken: list[tuple[float, float]] = []
    drawn: list[str] = []
    for span in sorted(spans, key=lambda span: span.begin - span.end):
        x, to = scale.x(span.begin), scale.x(span.end)
        half = width_of(span.words) / 2
        middle = min(max((x + to) / 2, scale.left + half), scale.right - half)
        free = all(middle + half < begin or middle - half > end for begin, end in taken)
        if free and not fits(span.words, to - x):
            taken.append((middle - half, middle + half))
            drawn.append(text(middle, y, span.words, "small middle"))
    return drawn


def guide(scale: Scale, y: float, words: str) -> list[str]:
    """Draw a thin horizontal line, with its value beside it."""
    return [line(scale.left, y, scale.right, y, "guide"), text(scale.left - 6, y + 4, words, "small end")]


def _runs(columns: Mapping[int, object]) -> list[list[int]]:
    runs: list[list[int]] = []
    for column in sorted(columns):
        if runs and column == runs[-1][-1] + 1:
            runs[-1].append(column)
        else:
            runs.append([column])
    return runs


def _outline(points: Sequence[tuple[float, float]]) -> list[str]:
    first, *others = [f"{number(x)} {number(y)}" for x, y in points]
    return [f"M{first}", *(f"L{point}" for point in others), "z"]
