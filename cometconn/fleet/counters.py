"""Counters of one worker, and of one consumer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .distribution import Distribution, Durations

__all__ = [
    "TAKEOVER_REASONS",
    "ConsumerCounters",
    "ConsumerStatistics",
    "Counters",
    "LeaseCounters",
    "WorkerStatistics",
    "counted",
]

TAKEOVER_REASONS = ("first", "released", "expired")
"""Why an account could be claimed: see `WorkerStatistics.takeovers`."""


@attrs.define(kw_only=True)
class LeaseCounters:
    """What workers and consumers count alike; see `WorkerStatistics`."""

    leases_lost: int = 0
    renewals: int = 0
    renewals_failed: int = 0
    renewal_seconds: Durations = attrs.field(factory=Durations)
    loop_lag: Durations = attrs.field(factory=Durations)


@attrs.define(kw_only=True)
class Counters(LeaseCounters):
    """What a worker counts; see `WorkerStatistics`."""

    claims: int = 0
    takeovers: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(TAKEOVER_REASONS, 0))
    takeover_seconds: Durations = attrs.field(factory=Durations)
    releases: int = 0
    parked: int = 0
    appended: int = 0
    skipped: int = 0
    late: int = 0
    append_calls: int = 0
    append_failures: int = 0
    fenced: int = 0
    rewound: int = 0
    admissions: int = 0
    admission_seconds: Durations = attrs.field(factory=Durations)
    throttled: int = 0
    handler_failures: int = 0
    trimmed: int = 0


@attrs.define(kw_only=True)
class ConsumerCounters(LeaseCounters):
    """What a consumer counts; see `ConsumerStatistics`."""

    delivered: int = 0
    acknowledgements: int = 0
    rewound: int = 0


def counted(counters: LeaseCounters) -> dict[str, Any]:
    """Return a copy of all counters, by their names."""
    found = attrs.asdict(counters, recurse=False)
    return {
        name: value.now() if isinstance(value, Durations) else dict(value) if isinstance(value, dict) else value
        for name, value in found.items()
    }


@attrs.frozen(kw_only=True)
class WorkerStatistics:
    """Counters of one worker since it was opened, and how it is now.

    Attributes:
        leases_lost: how often its lease ended against its will.
        renewals, renewals_failed: of the lease.
        renewal_seconds: how long the successful renewals took.
        loop_lag: how late the task that renews the lease was woken up: for so long something has blocked the event loop. Of
            the lease, `lease_ttl - lease_margin - lease_ttl / 4` may be spent like that (F3).
        claims: accounts that it claimed.
        takeovers: the same by reason. `"first"`: no worker has ever owned the account. `"released"`: the last owner had
            given it back, for instance because a worker joined or was drained; or the claim had to be repeated. `"expired"`: the lease of the last owner
            was over, so its process was killed, was stopped, or could not reach the engine.
        takeover_seconds: how long claimed accounts took until they were connected, since the claim, or since the lease of the
            last owner was over if that was in the last minute. Logins and waiting for the rate limit are included.
        releases: accounts that it gave up, for any reason.
        parked: of these, how many it parked.
        appended: ids, signals and holes that the engine took.
        skipped: ids that were in the log already.
        late: ids that were appended behind greater ones.
        append_calls, append_failures: calls of the engine, and how many of them failed and were repeated.
        fenced: writes that were refused because the account has another owner.
        rewound: how often an account noticed that the engine had forgotten something.
        admissions: connects and logins that the rate limit has admitted.
        admission_seconds: how long each of these waited.
        throttled: responses with 429 or 503 that slowed the rate limit.
        handler_failures: how often handlers raised or returned.
        trimmed: entries that it removed from the log, because they were older than `FleetSettings.retention`.
        owned: the accounts that it owns now.
        connected: of these, how many are connected.
        starting: of these, how many have not made their first attempt to connect yet.
        orphans: accounts of its share that it does not own: they are about to be claimed, another worker has not given them
            back yet, or the engine is unreachable. Parked ones are not counted. The accounts of a worker that was killed belong
            to no other share until its lease is over; a worker that has lost its lease counts its last share.
        lease_remaining: seconds until its lease ends, if it is not renewed; 0 without a lease.
        append_lag: for how many seconds the oldest append waits for the engine; 0 if none does.
    """

    leases_lost: int
    renewals: int
    renewals_failed: int
    renewal_seconds: Distribution
    loop_lag: Distribution
    claims: int
    takeovers: Mapping[str, int]
    takeover_seconds: Distribution
    releases: int
    parked: int
    appended: int
    skipped: int
    late: int
    append_calls: int
    append_failures: int
    fenced: int
    rewound: int
    admissions: int
    admission_seconds: Distribution
    throttled: int
    handler_failures: int
    trimmed: int
    owned: int
    connected: int
    starting: int
    orphans: int
    lease_remaining: float
    append_lag: float


@attrs.frozen(kw_only=True)
class ConsumerStatistics:
    """Counters of one consumer since it was opened, and how it is now.

    Attributes:
        leases_lost: how often its lease ended against its will.
        renewals, renewals_failed: of the lease.
        renewal_seconds: how long the successful renewals took.
        loop_lag: how late the task that renews the lease was woken up: see `WorkerStatistics`.
        delivered: entries that it handed out; those that came again are counted again.
        acknowledgements: calls of `Delivery.ack()` that the engine took.
        rewound: how often a partition noticed that the engine had forgotten entries.
        partitions: how many partitions it owns now.
        waiting: entries that were read and not handed out yet.
        unacknowledged: entries that were handed out and are not acknowledged.
        lease_remaining: seconds until its lease ends, if it is not renewed; 0 without a lease.
    """

    leases_lost: int
    renewals: int
    renewals_failed: int
    renewal_seconds: Distribution
    loop_lag: Distribution
    delivered: int
    acknowledgements: int
    rewound: int
    partitions: int
    waiting: int
    unacknowledged: int
    lease_remaining: float
