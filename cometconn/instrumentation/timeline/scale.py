"""The time axis: maps seconds to pixels, and places the ticks."""

from __future__ import annotations

import datetime
import math

import attrs

__all__ = ["Scale", "duration_text"]

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_APART = 80.0  # pixels from tick to tick, at least
_SECONDS_SHOWN = 10  # minutes: a shorter duration shows its seconds
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@attrs.frozen
class Scale:
    """Maps `begin`..`end` (seconds since 1970) to `left`..`right` (pixels)."""

    begin: float
    end: float
    left: float
    right: float

    def x(self, moment: float) -> float:
        """Return the x coordinate of *moment*; outside of the scale, that of its nearer end."""
        share = (moment - self.begin) / (self.end - self.begin)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def bin(self, moment: float, width: float) -> int:
        """Return the number of the column that holds *moment*, with columns of *width* pixels."""
        return int(min(self.x(moment) - self.left, self.right - self.left - 0.001) / width)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the x coordinate and the label of every tick, in UTC."""
        least = (self.end - self.begin) * _APART / (self.right - self.left)
        step = next((step for step in _STEPS if step >= least), math.ceil(least / _DAY) * _DAY)
        first = math.ceil(self.begin / step)
        last = math.floor(self.end / step)
        return [(self.x(number * step), _label(number * step, step)) for number in range(first, last + 1)]


def _label(moment: float, step: float) -> str:
    time = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    if step >= _DAY or (time.hour, time.minute, time.second) == (0, 0, 0):
        return f"{time.day} {time:%b}"
    return time.strftime("%H:%M" if step >= _MINUTE else "%H:%M:%S")


def duration_text(seconds: float) -> str:
    """Return a duration as text, such as `3 h 20 min`, `45 s` or `0.3 s`."""
    if seconds >= _HOUR:
        hours, minutes = divmod(round(seconds / _MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if seconds >= _MINUTE:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest and minutes < _SECONDS_SHOWN else f"{minutes} min"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"
