"""Previous public names, for one release more."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["previous_name"]


def previous_name(module: str, renamed: Mapping[str, type], name: str) -> type:
    """Return the class for which *name*, an attribute of *module* that does not exist, was the previous name.

    A module calls this in its `__getattr__`, so the `DeprecationWarning` names the line two calls further out.

    Raises:
        AttributeError: *name* is none of *renamed*.
    """
    new = renamed.get(name)
    if new is None:
        message = f"module {module!r} has no attribute {name!r}"
        raise AttributeError(message)
    warnings.warn(
        f"{module}.{name} is deprecated and goes with the next release: use {new.__name__}.",
        DeprecationWarning,
        stacklevel=3,
    )
    return new
