"""The lanes of the picture: each a function from a part of the story to SVG.

Whatever the trace holds, a lane draws no more than a few elements for each pixel of its
width: what is too small to be seen alone is drawn together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .scale import in_span
from .svg import fits, line, number, path, rect, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .scale import Scale
    from .story import Lease, Mark, Ping, Span

__all__ = ["band", "lease_curve", "marks", "messages", "pings"]

_SEEN = 3.0  # pixels: a span this wide has a title of its own
_LEAST = 1.5  # pixels: nothing is drawn narrower
_GLYPH = 11.0  # pixels from mark to mark
_NAMED = 6  # marks whose words one title holds
_BAR = 4.0  # pixels: a bar of the messages
_FASTEST, _SLOWEST = 0.001, 10.0  # seconds: the round trips at the bottom and the top


def band(spans: Sequence[Span], scale: Scale, y: float, height: float, *, under: str = "") -> list[str]:
    """Draw spans side by side, each labelled where the words fit; those of the kind *under* lie below the others."""
    drawn, small = [], dict[str, dict[int, str]]()
    for span in sorted(spans, key=lambda span: span.kind != under):
        x, to = scale.x(span.begin), scale.x(span.end)
        if to - x < _SEEN:
            step = f"M{number(x)} {number(y)}h{_LEAST}v{number(height)}h-{_LEAST}z"
            small.setdefault(span.kind, {}).setdefault(scale.bin(span.begin, _LEAST), step)
            continue
        drawn.append(rect(x, y, to - x, height, span.kind, f"{span.words}, {in_span(span.end - span.begin)}"))
        label = span.words if fits(span.words, to - x) else ""
        if label:
            drawn.append(text((x + to) / 2, y + height / 2 + 4, label, f"on-{span.kind} middle"))
    return drawn + [path(steps.values(), kind) for kind, steps in small.items()]


def lease_curve(leases: Iterable[Lease], scale: Scale, y: float, height: float, grace: float) -> list[str]:
    """Draw how long the lease has left: a curve that falls, and jumps with each sign of life."""
    drawn: list[str] = []
    columns: dict[int, tuple[float, float]] = {}
    for lease in leases:
        if lease.deadline == math.inf:
            x, to = scale.x(lease.begin), scale.x(lease.end)
            drawn.append(rect(x, y, max(to - x, _LEAST), height, "forever", "no deadline"))
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
        high = [(scale.left + x, y + height * (1 - columns[x][1] / grace)) for x in run]
        low = [(scale.left + x, y + height * (1 - columns[x][0] / grace)) for x in run]
        floor = [(low[-1][0] + 1, y + height), (low[0][0], y + height)]
        drawn.append(path(_outline([*low, (low[-1][0] + 1, low[-1][1]), *floor]), "left"))
        drawn.append(path(_outline([*high, (high[-1][0] + 1, low[-1][1]), *reversed(low)]), "teeth"))
    return drawn


def pings(all_pings: Iterable[Ping], scale: Scale, y: float, height: float) -> list[str]:
    """Draw round trips, on a logarithmic scale; a ping without an answer is a stroke at the top."""
    columns: dict[int, tuple[float, float]] = {}
    silent: dict[int, str] = {}
    for ping in all_pings:
        column = scale.bin(ping.at, 2.0)
        if ping.round_trip is None:
            silent[column] = f"M{number(scale.left + 2 * column + 1)} {number(y)}v8"
        else:
            height_of = y + height * (1 - decade(ping.round_trip))
            low, high = columns.get(column, (height_of, height_of))
            columns[column] = (max(low, height_of), min(high, height_of))
    steps = [f"M{number(scale.left + 2 * x + 1)} {number(low)}V{number(high)}" for x, (low, high) in columns.items()]
    return [path(steps, "pong"), path(silent.values(), "no-pong", "no pong")]


def decade(seconds: float) -> float:
    """Return how high a round trip stands, from 0 to 1."""
    share = math.log(max(seconds, _FASTEST) / _FASTEST) / math.log(_SLOWEST / _FASTEST)
    return min(share, 1.0)


def messages(events: Iterable[tuple[float, int]], scale: Scale, y: float, height: float) -> tuple[list[str], float]:
    """Draw how many events came, as bars; return them, and how many a minute the highest bar stands for."""
    columns: dict[int, int] = {}
    for at, count in events:
        column = scale.bin(at, _BAR)
        columns[column] = columns.get(column, 0) + count
    most = max(columns.values(), default=0)
    steps = []
    for column, count in sorted(columns.items()):
        tall = max(height * count / most, 1.5)
        x = scale.left + column * _BAR
        steps.append(f"M{number(x)} {number(y + height)}h{_BAR - 1}v-{number(tall)}h-{_BAR - 1}z")
    minutes = (scale.end - scale.begin) / (scale.right - scale.left) * _BAR / 60
    return [path(steps, "message")], most / minutes


def marks(all_marks: Iterable[Mark], scale: Scale, y: float, glyphs: Mapping[str, str]) -> list[str]:
    """Draw one glyph for each kind of thing that happened within its width; the title says what, and how often."""
    groups: dict[tuple[int, str], list[Mark]] = {}
    for mark in all_marks:
        groups.setdefault((scale.bin(mark.at, _GLYPH), mark.kind), []).append(mark)
    drawn: list[str] = []
    for (_, kind), group in groups.items():
        words = [mark.words for mark in group[:_NAMED]]
        if len(group) > _NAMED:
            words.append(f"and {len(group) - _NAMED} more")
        place = list(glyphs).index(kind)
        shape = f"M{number(scale.x(group[0].at))} {number(y + place * _GLYPH)}{glyphs[kind]}"
        drawn.append(path([shape], kind, "\n".join(words)))
    return drawn


def guide(scale: Scale, y: float, words: str) -> list[str]:
    """Draw a thin line across, with its value beside it."""
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
