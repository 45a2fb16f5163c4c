"""A set of message ids that takes little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import attrs

__all__ = ["SeenIds"]

_NO_IDS: tuple[int, ...] = ()


@attrs.define(eq=False)
class SeenIds:
    """The ids of the latest messages: at least *window* of them, and at most about twice as many.

    Two sorted arrays: when the newer one is full, it takes the place of the older one. A set takes eight times the memory
    for each id; and nearly every id is larger than those before it, so that it is only appended. Every id fits into 64
    bits: others are not decoded.
    """

    window: int
    _new: array[int] | tuple[int, ...] = attrs.field(default=_NO_IDS, init=False, repr=False)
    _old: array[int] | tuple[int, ...] = attrs.field(default=_NO_IDS, init=False, repr=False)

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def __contains__(self, number: int) -> bool:
        return _is_in(self._new, number) or _is_in(self._old, number)

    def add(self, ids: Sequence[int]) -> None:
        """Remember *ids*, each larger than the one before it."""
        new = self._new if isinstance(self._new, array) else array("q")
        if not new or ids[0] > new[-1]:
            new.extend(ids)
        else:
            for number in ids:
                if not _is_in(new, number):
                    new.insert(bisect_left(new, number), number)
        self._new = new
        if len(new) >= self.window:
            self._old, self._new = new, _NO_IDS

    def beyond(self, number: int) -> list[int]:
        """Return the ids that are larger than *number*, in no particular order."""
        return [*self._new[bisect_right(self._new, number) :], *self._old[bisect_right(self._old, number) :]]

    def clear(self) -> None:
        """Forget all ids."""
        self._new = self._old = _NO_IDS


def _is_in(ids: Sequence[int], number: int) -> bool:
    place = bisect_left(ids, number)
    return place < len(ids) and ids[place] == number
