"""Keeps secrets out of the server's log: by the name of a field, and by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HIDDEN", "by_name", "by_value"]

HIDDEN = "***"
"""What stands where a secret stood."""

_SECRET_NAMES = frozenset({"apikey", "auth", "authkey", "authorization", "authtoken", "fat", "jwt", "secret", "token"})


def by_name(value: Any) -> Any:
    """Copy JSON with every field that is named like a secret hidden, at any depth.

    *value* must come from `jsontext.parse` or from the server itself: its depth is trusted.
    """
    if isinstance(value, dict):
        return {
            name: HIDDEN if isinstance(name, str) and name.lower() in _SECRET_NAMES else by_name(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [by_name(item) for item in value]
    return value


def by_value(text: str, secrets: Iterable[str]) -> str:
    """Hide each of *secrets* wherever it occurs in *text*."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    return text
