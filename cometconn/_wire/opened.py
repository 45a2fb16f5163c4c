"""Events while they are being made: open, until `seal()` closes them.

The `__init__` that attrs writes for a frozen class goes round the class's own lock with one
`object.__setattr__` an attribute; for a message and its two users that is 3 us. So each class has
a twin here, without slots of its own and so of the same layout, that can be assigned to like any
object, at a fifth of the price. A finished twin becomes the real thing by its `__class__`.
"""

from __future__ import annotations

import datetime
import functools
from typing import Any, TypeVar

__all__ = ["MOST_DIGITS", "OddError", "choice", "moment", "number", "opened", "seal"]

T = TypeVar("T")

_BIT_64 = 2**63
MOST_DIGITS = 18
"""So many surely fit."""


class OddError(Exception):
    """This is for the reference to decide."""


def opened(kind: type[T]) -> type[Any]:
    """Return the twin of *kind*: made with no arguments and no attributes, to be filled and sealed."""
    # All three, or Python goes the long way round for the sake of the one that is left.
    plain = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(f"Open{kind.__name__}", (kind,), {"__slots__": (), "__module__": __name__, **plain})


def seal(twin: Any, kind: type[T]) -> T:
    """Return *twin*, every attribute of which is set, as the *kind* it is the twin of."""
    twin.__class__ = kind
    sealed: T = twin
    return sealed


def choice(**kinds: type[Any]) -> dict[str, tuple[type[Any], type[Any]]]:
    """Return, for each word, the twin and the class that it stands for."""
    return {word: (opened(kind), kind) for word, kind in kinds.items()}


def number(value: int | str) -> int:
    """Return a whole number of at most 64 bits, also from text."""
    if isinstance(value, str):
        if len(value) <= MOST_DIGITS and value.isascii() and value.isdigit():
            return int(value)
    elif -_BIT_64 <= value < _BIT_64:
        return value
    raise OddError


@functools.lru_cache(maxsize=512)  # users and bursts repeat them
def moment(seconds: int | None) -> datetime.datetime | None:
    """Return the time so many seconds after 1970; of 0, CometChat's "never", none."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC) if seconds else None
