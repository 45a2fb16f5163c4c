"""Limits how deeply JSON from a server may be nested."""

from __future__ import annotations

from typing import Final

__all__ = ["DEEPEST", "is_too_deep", "may_be_too_deep"]

DEEPEST: Final = 100
"""How deeply arrays and objects may be nested. CometChat's frames have about ten levels; metadata and custom data of apps
add a few.

Python's JSON parsers accept about a thousand levels. A value of that depth would make `copy.deepcopy()`, `json.dumps()` or
a comparison in the application raise `RecursionError`, because these recurse more deeply than the parsers.
"""


def may_be_too_deep(text: str) -> bool:
    """Return whether *text* can be nested more deeply than `DEEPEST`.

    It can if it has more than `DEEPEST` opening brackets and is long enough to close them. Brackets inside strings count,
    too, so `True` does not yet mean that the nesting is too deep.
    """
    return len(text) > 2 * DEEPEST and text.count("[") + text.count("{") > DEEPEST


def is_too_deep(value: object) -> bool:
    """Return whether *value* is nested more deeply than `DEEPEST`."""
    ahead = [iter((value,))]
    while ahead:
        for item in ahead[-1]:
            if isinstance(item, dict):
                inner = iter(tuple(item.values()))
            elif isinstance(item, list):
                inner = iter(tuple(item))
            else:
                continue
            ahead.append(inner)
            break
        else:
            ahead.pop()
        if len(ahead) > DEEPEST + 1:
            return True
    return False
