"""Hides secrets in the server's log: by the name of a field, and by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._text.secret_names import HIDDEN, without_secret_names

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HIDDEN", "by_name", "by_value"]

by_name = without_secret_names
"""Copy JSON from `jsontext.parse`, or from the server itself, and hide every field that has the name of a secret."""


def by_value(text: str, secrets: Iterable[str]) -> str:
    """Hide each of *secrets* wherever it occurs in *text*."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    return text
