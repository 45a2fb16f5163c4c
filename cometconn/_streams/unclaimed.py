"""Events that no stream has taken: they wait for the next one."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

import attrs

from .buffer import MAX_BYTES, MAX_EVENTS, BufferStatistics
from .entry import joined, place_of, with_dropped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cometconn.events import Event

    from .entry import Entry, IdRange

__all__ = ["Unclaimed"]


@attrs.define(eq=False)
class Unclaimed:
    """A queue in the order of arrival. Beyond its bounds it drops the oldest events.

    What a closed stream gives back is dropped only for events that arrive after it, never at once: a program that ends
    with more than the default bounds unread would lose the rest for good.

    Attributes:
        unreported: events that were dropped and that no `Overflow` has reported yet.
        unreported_ids: the range of the messages among them.
        dropped: all events that were dropped.
    """

    _entries: deque[Entry] | tuple[()] = attrs.field(default=(), init=False, repr=False)  # an idle client has no queue
    _size: int = attrs.field(default=0, init=False)
    _most: int = attrs.field(default=MAX_EVENTS, init=False)
    _most_bytes: int = attrs.field(default=MAX_BYTES, init=False)
    unreported: int = attrs.field(default=0, init=False)
    unreported_ids: IdRange | None = attrs.field(default=None, init=False)
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
            self.unreported_ids = with_dropped(self.unreported_ids, dropped)
            self.unreported += 1
            self.dropped += 1

    def spare(self, size: int) -> int:
        """Return how many events of *size* bytes together can be put without one being dropped."""
        return max(0, self._most - len(self._entries)) if self._size + size <= self._most_bytes else 0

    def put_all(self, entries: Sequence[Entry]) -> None:
        """Append *entries*, for which there is room: see `spare()`."""
        if not self._entries:
            self._entries = deque()
        self._entries.extend(entries)
        self._size += sum(entry[1] for entry in entries)

    def give_back(self, entries: Iterable[Entry]) -> None:
        """Take *entries* of a closed stream, each to its place in the order of arrival."""
        self._set(heapq.merge(entries, self._entries, key=place_of))
        self._most = max(MAX_EVENTS, len(self._entries))
        self._most_bytes = max(MAX_BYTES, self._size)

    def take(self, types: tuple[type[Event], ...]) -> list[Entry]:
        """Remove all events of one of *types*, and return them."""
        wanted = [entry for entry in self._entries if isinstance(entry[0], types)]
        self._set(entry for entry in self._entries if not isinstance(entry[0], types))
        return wanted

    def take_unreported(self) -> tuple[int, IdRange | None]:
        """Return how many dropped events are not reported yet, and the range of the messages among them; forget both."""
        taken = self.unreported, self.unreported_ids
        self.unreported, self.unreported_ids = 0, None
        return taken

    def give_back_unreported(self, count: int, ids: IdRange | None) -> None:
        """Take over what a closed stream had dropped and not reported yet."""
        self.unreported += count
        self.unreported_ids = joined(self.unreported_ids, ids)

    def remove(self, entry: Entry) -> None:
        """Remove *entry*, if it is here."""
        if entry in self._entries:
            self._set(other for other in self._entries if other is not entry)

    def clear(self) -> None:
        """Forget everything."""
        self._set(())
        self.take_unreported()

    def statistics(self) -> BufferStatistics:
        """Return how much waits here."""
        return BufferStatistics(len(self._entries), self._size, MAX_EVENTS, MAX_BYTES)

    def _set(self, entries: Iterable[Entry]) -> None:
        self._entries = deque(entries) or ()
        self._size = sum(entry[1] for entry in self._entries)
        self._most = max(MAX_EVENTS, min(self._most, len(self._entries)))
        self._most_bytes = max(MAX_BYTES, min(self._most_bytes, self._size))
