"""What `Worker.changes()` yields: one frozen class for each kind of change."""

from __future__ import annotations

import attrs

__all__ = [
    "Change",
    "Claimed",
    "Drained",
    "HandlerFailed",
    "Joined",
    "LeaseLost",
    "Missed",
    "Parked",
    "Released",
    "Rewound",
]


@attrs.frozen(kw_only=True)
class Change:
    """The base class of all changes.

    Attributes:
        at: when it happened, on Trio's clock.
    """

    at: float


@attrs.frozen(kw_only=True)
class Joined(Change):
    """The worker has got a lease, as a new incarnation.

    Attributes:
        incarnation: which one, as text.
    """

    incarnation: str


@attrs.frozen(kw_only=True)
class LeaseLost(Change):
    """The lease is over: all accounts were given up in the same step. The worker joins again by itself.

    Attributes:
        accounts: how many there were.
    """

    accounts: int


@attrs.frozen(kw_only=True)
class Drained(Change):
    """The worker was drained: it owns nothing, and has no lease."""


@attrs.frozen(kw_only=True)
class Claimed(Change):
    """The worker owns an account from now on.

    Attributes:
        uid: the account's.
        token: the fencing token: one more for each claim of this account.
    """

    uid: str
    token: int


@attrs.frozen(kw_only=True)
class Released(Change):
    """The worker has given an account up, for the `reason`; its client is closed.

    Attributes:
        uid: the account's.
        reason: `"share"`: another worker is to own it, or it was removed. `"drain"`, `"lease"`, `"fenced"`, `"parked"`,
            or `"closed"`: `open_worker()` was left.
    """

    uid: str
    reason: str


@attrs.frozen(kw_only=True)
class Parked(Change):
    """An account was parked: no worker claims it until `EngineAdministration.resume()`.

    Attributes:
        uid: the account's.
        reason: why, in one sentence without secrets.
    """

    uid: str
    reason: str


@attrs.frozen(kw_only=True)
class Rewound(Change):
    """The engine has forgotten events that it had acknowledged. The account's client is opened again and fetches them.

    Attributes:
        uid: the account's.
        position: the message id from which it continues; `None`: from the beginning.
    """

    uid: str
    position: int | None


@attrs.frozen(kw_only=True)
class HandlerFailed(Change):
    """The handler of an account raised or returned. It is called again after `retry_in` seconds.

    Attributes:
        uid: the account's.
        error: what it raised; `None` if it returned.
        retry_in: the delay in seconds.
    """

    uid: str
    error: Exception | None
    retry_in: float


@attrs.frozen(kw_only=True)
class Missed(Change):
    """More changes waited than are kept, so the oldest were dropped.

    Attributes:
        count: how many.
    """

    count: int
