"""The wall clock of a simulated computer, and every source of randomness, so that a run can be repeated."""

from __future__ import annotations

import datetime
import random
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ReplacedModule", "WallClock", "replaced"]

_EPOCH = 1_800_000_000.0


@attrs.define(eq=False)
class WallClock:
    """Seconds since 1970.

    Attributes:
        slept: how long the computer has slept. Trio's clock stood still meanwhile.
        skew: how far the computer's wall clock is ahead of the right time.
    """

    slept: float = 0.0
    skew: float = 0.0

    def right(self) -> float:
        """Return the right time, which is the server's."""
        return _EPOCH + trio.current_time() + self.slept

    def wrong(self) -> float:
        """Return the time of the client's computer."""
        return self.right() + self.skew


class _Like(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime.datetime)


class ReplacedModule:
    """A module some of whose names are replaced."""

    def __init__(self, module: Any, **names: object) -> None:
        self.__dict__.update(names)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@contextmanager
def replaced(clock: WallClock, seed: int) -> Iterator[None]:
    """Let the library read *clock*, and draw all its random bytes from *seed*, in this block.

    Only modules that are imported already are concerned.
    """

    class Datetime(datetime.datetime, metaclass=_Like):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return datetime.datetime.fromtimestamp(clock.wrong(), tz)

    clocks = ReplacedModule(
        time,
        time=clock.wrong,
        time_ns=lambda: int(clock.wrong() * 1e9),
        perf_counter=trio.current_time,
        monotonic=trio.current_time,
    )
    dates = ReplacedModule(datetime, datetime=Datetime)
    before = random.getstate()
    random.seed(seed)  # trio-websocket fills its pings with it
    with ExitStack() as patches:
        for name, module in sorted(sys.modules.items()):
            if name.startswith("cometconn."):
                for held, stand_in in ((time, clocks), (datetime, dates)):
                    if vars(module).get(held.__name__) is held:  # `getattr()` would import what a module imports late
                        patches.enter_context(mock.patch.object(module, held.__name__, stand_in))
        # A pass of the loop takes no virtual time, so the loop never seems blocked.
        patches.enter_context(mock.patch("cometconn._network.loop_watch.perf_counter", float))
        patches.enter_context(mock.patch("os.urandom", random.Random(seed).randbytes))
        try:
            yield
        finally:
            random.setstate(before)
