"""The rate limit of connects and logins of the whole fleet, as arithmetic: the generic cell rate algorithm (GCRA).

The bucket is a value, and the time is an argument. Engines that can call Python use this module; `RedisEngine` has the same
arithmetic in Lua, and passes the same tests.
"""

from __future__ import annotations

import attrs

from cometconn._arguments import checked

__all__ = ["Bucket", "Rate"]

_RECOVERY = 60.0  # seconds from a throttled bucket back to its whole rate
_LEAST = 0.1  # of the rate: the slowest that a bucket becomes
_THROTTLE_EVERY = 1.0  # seconds: 429 responses that come together halve the rate once


@checked
@attrs.frozen
class Rate:
    """What the fleet may do.

    Attributes:
        per_second: connects and logins a second, more than 0.
        burst: how many may follow one another at once after a pause, at least 1.
    """

    per_second: float
    burst: int = 1


@attrs.frozen
class Bucket:
    """The state of the rate limit. All times are seconds on the engine's clock.

    Attributes:
        next_free: when the next place would be free if the burst were 1: GCRA's theoretical arrival time.
        factor: the part of the rate that was left at *throttled_at*.
        throttled_at: when the rate was last halved.
    """

    next_free: float = 0.0
    factor: float = 1.0
    throttled_at: float = -_RECOVERY

    def factor_at(self, now: float) -> float:
        """Return the part of the rate that applies at *now*: it recovers linearly, in 60 s."""
        recovered = min(1.0, max(0.0, (now - self.throttled_at) / _RECOVERY))
        return self.factor + (1.0 - self.factor) * recovered

    def reserve(self, now: float, rate: Rate) -> tuple[Bucket, float]:
        """Reserve the next place. Return the bucket without it, and the seconds until the place's time comes."""
        interval = 1.0 / (rate.per_second * self.factor_at(now))
        arrival = max(self.next_free, now)
        wait = max(0.0, arrival - (rate.burst - 1) * interval - now)
        return attrs.evolve(self, next_free=arrival + interval), wait

    def throttle(self, now: float) -> Bucket:
        """Halve the rate: at most once a second, and never below a tenth."""
        if 0.0 <= now - self.throttled_at < _THROTTLE_EVERY:
            return self
        return attrs.evolve(self, factor=max(_LEAST, self.factor_at(now) / 2), throttled_at=now)
