"""The arithmetic of positions: up to which message everything is handled, and what is handled beyond that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .entry import IdRange

__all__ = ["NOWHERE", "acknowledged_beyond", "position_of"]

NOWHERE: Final = -1
"""Instead of an id behind which messages are missing: they are missing from a moment on, and no id is known."""

_MOST_ACKNOWLEDGED = 1024  # ids that are saved with a position


def position_of(
    last_id: int | None, unfetched_after: int | None, dropped: Iterable[IdRange], open_ids: Iterable[int]
) -> int | None:
    """Return the largest id up to which no message is open, unclaimed or known to be missing; `None` without one.

    Args:
        last_id: the largest id of a message that came; `None` when none has.
        unfetched_after: messages behind this id are missing; `NOWHERE` when the first ones are; `None` when none are.
        dropped: messages that were dropped, and that no `Overflow` has reported yet.
        open_ids: messages that are not acknowledged.
    """
    if last_id is None or unfetched_after == NOWHERE:
        return None
    last = last_id if unfetched_after is None else min(last_id, unfetched_after)
    unhandled = (*(first for first, _ in dropped), *open_ids)
    return min((number - 1 for number in unhandled if 0 < number <= last), default=last)


def acknowledged_beyond(known: set[int], dropped: Iterable[IdRange], open_ids: Iterable[int]) -> tuple[int, ...]:
    """Return those of the *known* ids that are handled, in their order; of more than 1,024 the largest."""
    handled = known.difference(open_ids)
    for first, last in dropped:
        handled = {number for number in handled if not first <= number <= last}
    return tuple(sorted(handled)[-_MOST_ACKNOWLEDGED:])
