"""Events that no stream has taken: they wait for the next one."""

from __future__ import annotations

import heapq
import operator
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

import attrs

from cometconn._wire.message_key import message_key

from .buffer import MAX_BYTES, MAX_EVENTS, BufferStatistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cometconn.events import Event

    from .event_stream import Entry

__all__ = ["Unclaimed", "Untold", "joined", "with_dropped"]

Untold: TypeAlias = "tuple[int, int]"
"""The smallest and the largest id of messages that were dropped, and of which no `Overflow` has told yet.

Until one has, they are not acknowledged: the program may end before. All between the two counts as such, too.
"""

_place = operator.itemgetter(2)


def joined(one: Untold | None, other: Untold | None) -> Untold | None:
    """Return the range that covers both."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def with_dropped(untold: Untold | None, entry: Entry) -> Untold | None:
    """Return the range *untold* with the message that was dropped, if *entry* is one."""
    number = message_key(entry[0])
    return untold if number is None else joined(untold, (number, number))


@attrs.define(eq=False)
class Unclaimed:
    """A queue, in the order of arrival, which drops the oldest beyond its bounds.

    What a closed stream gives back is never dropped for lack of room, only for what arrives after it: a program that
    ends with more than the default bounds unread would else lose the rest for good.

    Attributes:
        hole: events dropped and not yet told of by an `Overflow`.
        untold: the range of the messages among them.
        dropped: all that were dropped.
    """

    _entries: deque[Entry] | tuple[()] = attrs.field(default=(), init=False, repr=False)  # an idle client has no queue
    _size: int = attrs.field(default=0, init=False)
    _most: int = attrs.field(default=MAX_EVENTS, init=False)
    _most_bytes: int = attrs.field(default=MAX_BYTES, init=False)
    hole: int = attrs.field(default=0, init=False)
    untold: Untold | None = attrs.field(default=None, init=False)
    dropped: int = attrs.field(default=0, init=False)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def put(self, entry: Entry) -> None:
        """Append *entry*; drop the oldest ones until the bounds hold."""
        self.put_all((entry,))
        entries = self._entries
        while entries and (len(entries) > self._most or (self._size > self._most_bytes and len(entries) > 1)):
            dropped = entries.popleft()
            self._size -= dropped[1]
            self.untold = with_dropped(self.untold, dropped)
            self.hole += 1
            self.dropped += 1

    def spare(self, size: int) -> int:
        """Return how many events of *size* bytes together can be put without one being dropped."""
        return max(0, self._most - len(self._entries)) if self._size + size <= self._most_bytes else 0

    def put_all(self, entries: Sequence[Entry]) -> None:
        """Append *entries*: there is room to `spare()`."""
        if not self._entries:
            self._entries = deque()
        self._entries.extend(entries)
        self._size += sum(entry[1] for entry in entries)

    def give_back(self, entries: Iterable[Entry]) -> None:
        """Take *entries* of a closed stream, each in its place in the order of arrival."""
        self._set(heapq.merge(entries, self._entries, key=_place))
        self._most = max(MAX_EVENTS, len(self._entries))
        self._most_bytes = max(MAX_BYTES, self._size)

    def take(self, types: tuple[type[Event], ...]) -> list[Entry]:
        """Remove all that are of one of *types*, and return them."""
        wanted = [entry for entry in self._entries if isinstance(entry[0], types)]
        self._set(entry for entry in self._entries if not isinstance(entry[0], types))
        return wanted

    def take_hole(self) -> tuple[int, Untold | None]:
        """Return how many events were dropped and not told of, and the range of the messages among them."""
        hole, self.hole = (self.hole, self.untold), 0
        self.untold = None
        return hole

    def give_back_hole(self, hole: int, untold: Untold | None) -> None:
        """Take over what a closed stream had dropped, or was to tell of."""
        self.hole += hole
        self.untold = joined(self.untold, untold)

    def remove(self, entry: Entry) -> None:
        """Remove *entry*, if it is here."""
        if entry in self._entries:
            self._set(other for other in self._entries if other is not entry)

    def clear(self) -> None:
        """Forget everything."""
        self._set(())
        self.take_hole()

    def statistics(self) -> BufferStatistics:
        """Return what waits."""
        return BufferStatistics(len(self._entries), self._size, MAX_EVENTS, MAX_BYTES)

    def _set(self, entries: Iterable[Entry]) -> None:
        self._entries = deque(entries) or ()
        self._size = sum(entry[1] for entry in self._entries)
        self._most = max(MAX_EVENTS, min(self._most, len(self._entries)))
        self._most_bytes = max(MAX_BYTES, min(self._most_bytes, self._size))
