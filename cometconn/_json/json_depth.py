"""The limit for the nesting of JSON from a server."""

from __future__ import annotations

from typing import Final

__all__ = ["DEEPEST", "is_too_deep", "may_be_too_deep"]

DEEPEST: Final = 100
"""The most arrays and objects inside one another. CometChat's own frames have about ten levels, and apps add few.

Python's JSON parsers accept about a thousand levels, but `copy.deepcopy()`, `json.dumps()` and comparisons recurse more
deeply than the parsers and would then fail in the program that uses the value.
"""


def may_be_too_deep(text: str) -> bool:
    """Return whether *text* has more than `DEEPEST` opening brackets; with fewer it cannot be nested too deeply."""
    return len(text) > 2 * DEEPEST and text.count("[") + text.count("{") > DEEPEST


def is_too_deep(value: object, text: str | None = None) -> bool:
    """Return whether *value* is nested more deeply than `DEEPEST`.

    *text* is the JSON of *value*, if the caller has it: counting its brackets is usually enough.
    """
    if text is not None and not may_be_too_deep(text):
        return False
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
