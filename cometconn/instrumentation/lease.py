"""What is wanted: the app state, the lease and its deadline, the status."""

from __future__ import annotations

from typing import Literal

import attrs

from cometconn.status import Reason

from .detail import Detail

__all__ = [
    "DeadlineMoved",
    "DetailsDropped",
    "EnteredBackground",
    "EnteredForeground",
    "LeaseEnded",
    "MachineSlept",
    "StatusChanged",
    "StatusName",
]

StatusName = Literal["connected", "connecting", "waiting", "disconnected"]


@attrs.frozen(kw_only=True)
class EnteredBackground(Detail):
    """`enter_background()` was called in the foreground."""


@attrs.frozen(kw_only=True)
class EnteredForeground(Detail):
    """`enter_foreground()` was called in the background."""


@attrs.frozen(kw_only=True)
class DeadlineMoved(Detail):
    """The lease ends at another time than before: background, foreground, `ping()`, or `connect()` in the background.

    Attributes:
        deadline: when it ends, on Trio's clock, in seconds; `None`: never.
        left: the same in seconds from now; `None`: never.
    """

    deadline: float | None
    left: float | None


@attrs.frozen(kw_only=True)
class LeaseEnded(Detail):
    """The connection is no longer wanted: no socket, no attempt, no retry.

    Attributes:
        reason: why.
    """

    reason: Reason


@attrs.frozen(kw_only=True)
class StatusChanged(Detail):
    """`chat.status` is another one.

    Attributes:
        previous, status: before and now: `"connected"`, `"connecting"` (an attempt is under way), `"waiting"`
            (for the next one) or `"disconnected"`.
        attempt: the attempt that succeeded, is under way, or will be made; `None` when disconnected.
        reason: why it is disconnected; `None` when it is not.
    """

    previous: StatusName
    status: StatusName
    attempt: int | None
    reason: Reason | None


@attrs.frozen(kw_only=True)
class MachineSlept(Detail):
    """The machine had been asleep: Trio's clock stood still, deadlines did not.

    Attributes:
        slept: how long, in seconds.
    """

    slept: float


@attrs.frozen(kw_only=True)
class DetailsDropped(Detail):
    """More happened than the hooks could be told: too many details waited for them.

    Attributes:
        dropped: how many were not told.
    """

    dropped: int
