"""Details of the app state, of the lease and its deadline, and of the status."""

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
    """The end of the lease changed, by background, foreground, `ping()`, or `connect()` in the background.

    Attributes:
        deadline: when the lease ends, on Trio's clock, in seconds; `None` if it has no end.
        left: the seconds until then; `None` if it has no end.
    """

    deadline: float | None
    left: float | None


@attrs.frozen(kw_only=True)
class LeaseEnded(Detail):
    """The lease ended: there is no socket, no attempt and no retry any more.

    Attributes:
        reason: the reason, which `Disconnected` has, too.
    """

    reason: Reason


@attrs.frozen(kw_only=True)
class StatusChanged(Detail):
    """`chat.status` changed.

    Attributes:
        previous, status: the status before and after: `"connected"`, `"connecting"` (an attempt is running),
            `"waiting"` (for the next attempt) or `"disconnected"`.
        attempt: the number of the attempt that succeeded, is running, or will be made; `None` when disconnected.
        reason: why the client is disconnected; `None` when it is not.
    """

    previous: StatusName
    status: StatusName
    attempt: int | None
    reason: Reason | None


@attrs.frozen(kw_only=True)
class MachineSlept(Detail):
    """The computer was asleep: Trio's clock stood still meanwhile, but the client's deadlines include that time.

    Attributes:
        slept: how long it slept, in seconds.
    """

    slept: float


@attrs.frozen(kw_only=True)
class DetailsDropped(Detail):
    """Details were dropped, because too many waited for the hooks.

    Attributes:
        dropped: the number of dropped details.
    """

    dropped: int
