"""Hides secrets in the server's log: by the name of a field, and by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._text.secret_names import HIDDEN, without_secret_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cometconn.emulator.jsontext import Json

__all__ = ["HIDDEN", "by_name", "by_value", "masked"]

by_name = without_secret_names
"""Copy JSON from `jsontext.parse`, or from the server itself, and hide every field that has the name of a secret."""


def by_value(text: str, secrets: Iterable[str]) -> str:
    """Hide each of *secrets* wherever it occurs in *text*."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    return text


def masked(values: list[Json], secrets: Iterable[str]) -> list[Json]:
    """Copy JSON objects, hide every field with the name of a secret, and each of *secrets* in every other text.

    All objects are searched together: a server may have thousands of tokens, and none of them is in most texts.
    """
    texts: list[str] = []

    def noted(text: str) -> str:
        texts.append(text)
        return text

    named: list[Json] = without_secret_names(values, noted)
    whole = "\n".join(texts)
    found = [secret for secret in secrets if secret and secret in whole]
    return without_secret_names(named, lambda text: by_value(text, found)) if found else named
