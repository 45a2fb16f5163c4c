"""When the wish to be connected ends: one deadline for the foreground and the background."""

from __future__ import annotations

import math

from cometconn.status import AppState

from .states import Mode

__all__ = ["lease_deadline"]


def lease_deadline(mode: Mode, app: AppState, last_life: float, grace: float) -> float:
    """Return the absolute time at which the lease is over.

    The interval is half-open: life at `t` covers `[t, t + grace)`, so at exactly the
    returned time the lease is over. Source: CometChat's Connection Behaviour page (30 s
    in the background, extended by `ping()`).

    Args:
        mode: auto or manual.
        app: the app state.
        last_life: the latest of entering the background, an accepted `ping()`, and a
            `connect()` made in the background, on the caller's clock.
        grace: how long one sign of life lasts, in seconds.
    """
    if app is AppState.FOREGROUND:
        return math.inf
    if mode is Mode.AUTO:
        return -math.inf
    return last_life + grace
