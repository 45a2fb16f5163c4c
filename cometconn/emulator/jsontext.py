"""JSON text, read as strictly as a server must that cannot trust its clients."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeAlias

__all__ = ["Json", "parse", "render"]

Json: TypeAlias = dict[str, Any]
"""A JSON object."""

_MAX_DEPTH = 64
"""Text that is nested deeper is refused, so that no code that walks the value can run out of stack."""


def parse(text: str | bytes) -> Json | None:
    """Read one JSON object; return `None` for anything else."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _is_shallow(value) else None


def render(value: object) -> str:
    """Write JSON as compact ASCII, so that even a lone surrogate survives the socket."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _no_constant(name: str) -> NoReturn:
    """Refuse `NaN` and the infinities: Python reads them, but they are not JSON."""
    message = f"{name} is not JSON"
    raise ValueError(message)


def _is_shallow(value: object) -> bool:
    """Whether no value lies deeper than `_MAX_DEPTH` levels. A loop: recursion could run out of stack itself."""
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
