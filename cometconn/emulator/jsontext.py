"""JSON text, as strict as a server that is fed by strangers has to be."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeAlias

__all__ = ["Json", "parse", "render"]

Json: TypeAlias = dict[str, Any]
"""A JSON object."""

_MAX_DEPTH = 64
"""Deeper text is refused, so that nothing behind this module can run out of stack."""


def parse(text: str | bytes) -> Json | None:
    """Read one JSON object; `None` for anything else, whatever is wrong with it."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _is_shallow(value) else None


def render(value: object) -> str:
    """Write JSON as compact ASCII, so that even a lone surrogate survives the socket."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _no_constant(name: str) -> NoReturn:
    """Refuse `NaN` and the infinities: Python reads them, JSON has no such thing."""
    message = f"{name} is not JSON"
    raise ValueError(message)


def _is_shallow(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return True
        level = below
    return False
