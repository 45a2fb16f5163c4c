"""Close codes: which of them announce a restart."""

from __future__ import annotations

__all__ = ["is_announced_restart"]

# Going away, service restart, try again later: RFC 6455 section 7.4.1, and IANA's registry of close codes.
_ANNOUNCED_RESTARTS = frozenset({1001, 1012, 1013})


def is_announced_restart(code: int | None) -> bool:
    """Tell whether *code* announces a restart, so that many clients come back at the same time."""
    return code in _ANNOUNCED_RESTARTS
