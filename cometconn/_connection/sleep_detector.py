"""Whether the machine slept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SleepDetector"]

_SHORTEST = 1.0  # seconds by which the two clocks must have moved apart from one reading to the next


@attrs.define(eq=False)
class SleepDetector:
    """Compares Trio's clock, which stands still while the machine sleeps, with one that goes on.

    Attributes:
        boot_time: reads the clock that goes on, in seconds.
    """

    boot_time: Callable[[], float]
    _difference: float | None = attrs.field(default=None, init=False)  # between the two clocks, at the last reading

    def slept(self, now: float) -> float:
        """Return how many seconds the machine slept since the last call; less than one second counts as none.

        *now* is the time on Trio's clock.
        """
        difference = self.boot_time() - now
        before, self._difference = self._difference, difference
        slept = 0.0 if before is None else difference - before
        return slept if slept >= _SHORTEST else 0.0
