"""Keeping what we sent out of what we show of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["without"]

_HIDDEN = "***"


def without(value: Any, secrets: Collection[str]) -> Any:
    """Copy JSON with each of *secrets* hidden wherever it occurs, in names too. Its depth is trusted."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _HIDDEN)
        return value
    if isinstance(value, dict):
        return {without(name, secrets): without(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [without(item, secrets) for item in value]
    return value
