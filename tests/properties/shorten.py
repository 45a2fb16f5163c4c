"""Removes from a failing script what the failure does not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cometconn.testing.actions import Action

__all__ = ["shortest"]


def shortest(script: Sequence[Action], fails: Callable[[list[Action]], bool]) -> list[Action]:
    """Take out runs of actions, long ones first, as long as it still *fails*: then no single one can go.

    Hypothesis shrinks what was drawn; where an episode was drawn as a whole, some of it may be idle.
    """
    kept, size = list(script), max(1, len(script) // 2)
    while size:
        begin, before = len(kept) - size, len(kept)
        while begin >= 0:
            without = kept[:begin] + kept[begin + size :]
            if fails(without):
                kept = without
            begin -= max(size, 1)
        if size > 1 or len(kept) == before:
            size //= 2
    return kept
