"""Counters of one worker."""

from __future__ import annotations

import attrs

__all__ = ["Counters", "WorkerStatistics"]


@attrs.define
class Counters:
    """What a worker counts; see `WorkerStatistics`."""

    claims: int = 0
    releases: int = 0
    parked: int = 0
    leases_lost: int = 0
    renewals: int = 0
    renewals_failed: int = 0
    renewal_seconds: float = 0.0
    appended: int = 0
    skipped: int = 0
    late: int = 0
    append_calls: int = 0
    append_failures: int = 0
    fenced: int = 0
    rewound: int = 0
    admissions: int = 0
    admission_seconds: float = 0.0
    throttled: int = 0
    handler_failures: int = 0


@attrs.frozen(kw_only=True)
class WorkerStatistics(Counters):
    """Counters of one worker since it was opened, and how it is now.

    Attributes:
        claims: accounts that it claimed.
        releases: accounts that it gave up, for any reason.
        parked: of these, how many it parked.
        leases_lost: how often its lease ended against its will.
        renewals, renewals_failed: of the lease.
        renewal_seconds: how long the last successful renewal took.
        appended: ids, signals and holes that the engine took.
        skipped: ids that were in the log already.
        late: ids that were appended behind greater ones.
        append_calls, append_failures: calls of the engine, and how many of them failed and were repeated.
        fenced: writes that were refused because the account has another owner.
        rewound: how often an account noticed that the engine had forgotten something.
        admissions: connects and logins that the rate limit has admitted.
        admission_seconds: for how long these waited, together.
        throttled: responses with 429 or 503 that slowed the rate limit.
        handler_failures: how often handlers raised or returned.
        owned: the accounts that it owns now.
        connected: of these, how many are connected.
        starting: of these, how many have not made their first attempt to connect yet.
        lease_remaining: seconds until its lease ends, if it is not renewed; 0 without a lease.
        append_lag: for how many seconds the oldest append waits for the engine; 0 if none does.
    """

    owned: int
    connected: int
    starting: int
    lease_remaining: float
    append_lag: float
