"""How long to wait before the next attempt, and when a wait may be cut short."""

from __future__ import annotations

__all__ = ["RESTART_WINDOW", "RETRY_AFTER_LIMIT", "SHORTCUT_INTERVAL", "may_cut_short", "retry_delay"]

RESTART_WINDOW = 8.0
"""Seconds: after an announced restart all clients come back at once, so the first window is wider."""
RETRY_AFTER_LIMIT = 300.0
"""Seconds: the longest delay a server may ask for."""
SHORTCUT_INTERVAL = 1.0
"""Seconds: at most one `retry_now()` in this time cuts a wait short."""

_LARGEST_EXPONENT = 64  # 2.0 ** 1024 overflows; any cap is reached long before


def retry_delay(
    retry: int,
    jitter: float,
    *,
    base: float,
    cap: float,
    restarting: bool = False,
    retry_after: float = 0.0,
) -> float:
    """Return how many seconds to wait before retry number *retry* (0, 1, ...).

    Full jitter: uniform over a window that doubles up to *cap*. Clients that lost their
    server at the same instant come back evenly spread.

    Args:
        retry: how many retries were made since the backoff started over.
        jitter: a random number from 0 to 1.
        base: the first window, in seconds.
        cap: the largest window, in seconds.
        restarting: the server announced a restart: the window is `RESTART_WINDOW`.
        retry_after: a delay the server asked for, in seconds: a floor, at most `RETRY_AFTER_LIMIT`.
    """
    window = RESTART_WINDOW if restarting else min(cap, base * 2.0 ** min(retry, _LARGEST_EXPONENT))
    return max(jitter * window, min(retry_after, RETRY_AFTER_LIMIT))


def may_cut_short(now: float, *, not_before: float, last_shortcut: float) -> bool:
    """Return whether a wait may be cut short at *now*.

    Args:
        now: the time.
        not_before: when the delay that the server asked for ends.
        last_shortcut: when a wait was last cut short.
    """
    return now >= not_before and now - last_shortcut >= SHORTCUT_INTERVAL
