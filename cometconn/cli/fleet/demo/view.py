"""The accounts as rows of digits, each the number of the worker that has the account connected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LEAD", "account_rows", "counts", "worker_style"]

LEAD = 19
"""Columns at the left of the rows: as wide as the time and the source of a line."""

_GROUP = 10  # accounts between two spaces
# They can be told from each other, and read on dark and on light backgrounds.
_STYLES = ("cyan", "magenta", "green", "blue")


def worker_style(number: int) -> str:
    """Return the style of the worker with this number, which counts from 1."""
    return _STYLES[(number - 1) % len(_STYLES)]


def account_rows(uids: Sequence[str], owners: Mapping[str, int], width: int) -> list[Text]:
    """Return the accounts, ten to a group, in rows of about the same length that fit into *width* columns.

    Args:
        uids: all accounts.
        owners: the numbers of the workers that have them connected. An account without one is a dot.
        width: of the terminal, in columns.
    """
    most = max(1, (width - LEAD + 1) // (_GROUP + 1)) * _GROUP
    row_count = math.ceil(len(uids) / most)
    groups = [_group(uids[start : start + _GROUP], owners) for start in range(0, len(uids), _GROUP)]
    per_row = math.ceil(len(groups) / row_count)
    return [Text(" ").join(groups[start : start + per_row]) for start in range(0, len(groups), per_row)]


def _group(uids: Sequence[str], owners: Mapping[str, int]) -> Text:
    text = Text()
    for uid in uids:
        number = owners.get(uid)
        if number is None:
            text.append("·", "bold red")
        else:
            text.append(str(number), f"{worker_style(number)} reverse")
    return text


def counts(uids: Sequence[str], owners: Mapping[str, int], names: Mapping[int, str]) -> str:
    """Return how many accounts each worker has connected, in words: `w1 20, w2 21, not connected 19`."""
    numbers = [owners.get(uid) for uid in uids]
    parts = [f"{name} {numbers.count(number)}" for number, name in names.items() if numbers.count(number)]
    if None in numbers:
        parts.append(f"not connected {numbers.count(None)}")
    return ", ".join(parts)
