"""How deeply JSON from a server may be nested."""

from __future__ import annotations

from typing import Final

__all__ = ["DEEPEST", "is_too_deep", "may_be_too_deep"]

DEEPEST: Final = 100
"""Arrays and objects inside one another. CometChat's have about ten, and what people put into them few more.

Python's parsers stop near a thousand, but what they let through breaks what comes later: `copy.deepcopy()`,
`json.dumps()` and the comparison of values go deeper than they did, in whichever program uses them.
"""


def may_be_too_deep(text: str) -> bool:
    """Tell whether *text* has more than `DEEPEST` brackets: nothing read from it can be nested more deeply."""
    return len(text) > 2 * DEEPEST and text.count("[") + text.count("{") > DEEPEST


def is_too_deep(value: object, text: str | None = None) -> bool:
    """Tell whether *value* is nested more deeply than `DEEPEST`.

    With the *text* it was read from at hand, nearly always a look at that is enough.
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
