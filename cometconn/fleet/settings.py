"""The settings of a fleet: leases, shares, the rate limit and the log."""

from __future__ import annotations

import math
from typing import Any

import attrs

from cometconn._arguments import checked
from cometconn.errors import SettingsError

from .gcra import Rate

__all__ = ["Credentials", "FleetSettings"]


def _number(least: float, what: str, *, open_end: bool = False) -> Any:
    def check(_: object, attribute: attrs.Attribute[float], value: object) -> None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < least or (open_end and value == least):  # type: ignore[arg-type,operator]
            bound = "more than" if open_end else "at least"
            message = f"FleetSettings.{attribute.name} must be {what}, {bound} {least:g}, not {value!r}."
            raise SettingsError(message)

    return check


def _whole(most: int) -> Any:
    def check(_: object, attribute: attrs.Attribute[int], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            message = f"FleetSettings.{attribute.name} must be a whole number from 1 to {most:,}, not {value!r}."
            raise SettingsError(message)

    return check


_SECONDS = _number(0.0, "a number of seconds", open_end=True)


@attrs.frozen(kw_only=True)
class FleetSettings:
    """What all workers and consumers of one fleet have in common. Use the same values in each process.

    Attributes:
        lease_ttl: seconds until the engine gives the accounts of a worker to others after its last renewal. 5 by
            default. Shorter: a faster takeover, and less patience with a slow engine or a busy event loop.
        lease_margin: seconds by which a worker ends its lease earlier than the engine does. 1 by default. With at
            least `Timing.close_timeout`, the old socket of an account is closed before another worker opens the next.
            With less, only writes are kept apart.
        reconcile_every: seconds between two looks at what this worker is to own, 0.5 by default.
        partitions: of the log, 16 by default, at most 1,024. It cannot be changed later. Each partition is read by one
            consumer of a group at a time.
        connects_per_second: connects and logins of the whole fleet, 50 by default.
        connect_burst: how many of them may follow one another at once after a pause, 20 by default.
        starts_at_once: how many accounts one worker opens at the same time at most, 16 by default. It begins with half of
            them, and opens fewer while its event loop is late, so that a busy machine costs no lease.
        drain_timeout: seconds that a drain may take, 10 by default.
        retention: seconds for which the log keeps what every consumer group has acknowledged: a week by default.
            `None`: for ever. What a group has not acknowledged is kept longer; forget a group that is not used any more
            (`EngineAdministration.forget_group()`). One of the workers removes what is older, once a minute.
    """

    lease_ttl: float = attrs.field(default=5.0, validator=_SECONDS)
    lease_margin: float = attrs.field(default=1.0, validator=_number(0.0, "a number of seconds"))
    reconcile_every: float = attrs.field(default=0.5, validator=_SECONDS)
    partitions: int = attrs.field(default=16, validator=_whole(1024))
    connects_per_second: float = attrs.field(default=50.0, validator=_number(0.0, "a number", open_end=True))
    connect_burst: int = attrs.field(default=20, validator=_whole(1_000_000))
    starts_at_once: int = attrs.field(default=16, validator=_whole(10_000))
    drain_timeout: float = attrs.field(default=10.0, validator=_SECONDS)
    retention: float | None = attrs.field(default=7 * 86400.0)

    def __attrs_post_init__(self) -> None:
        """Check *retention*, and that a renewal fits between two ends of the lease."""
        if self.retention is not None:
            _SECONDS(self, attrs.fields(FleetSettings).retention, self.retention)
        if self.renew_every >= self.usable_ttl:
            message = (
                "FleetSettings.lease_margin must be less than three quarters of lease_ttl, which is "
                f"{self.lease_ttl:g} s, so that a lease can be renewed in time: not {self.lease_margin!r}."
            )
            raise SettingsError(message)

    @property
    def usable_ttl(self) -> float:
        """How long a worker itself trusts its lease after a renewal, in seconds."""
        return self.lease_ttl - self.lease_margin

    @property
    def renew_every(self) -> float:
        """The seconds from one renewal to the next."""
        return self.lease_ttl / 4

    @property
    def renewal_patience(self) -> float:
        """How long one renewal may take, in seconds: two of them that fail cost no lease."""
        return (self.usable_ttl - self.renew_every) / 2

    @property
    def rate(self) -> Rate:
        """The rate limit, as engines take it."""
        return Rate(self.connects_per_second, self.connect_burst)


@checked
@attrs.frozen(kw_only=True)
class Credentials:
    """How an account logs in: with exactly one of the two. Neither is in the `repr`, and neither enters the engine.

    Attributes:
        auth_key: the app's key.
        auth_token: a token of this account, made by your server.
    """

    auth_key: str | None = attrs.field(default=None, repr=False)
    auth_token: str | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse none, and both."""
        if (self.auth_key is None) == (self.auth_token is None):
            message = "Credentials(...) takes auth_key= or auth_token=, and not both."
            raise SettingsError(message)
