"""A bounded queue of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.events import Event

__all__ = ["MAX_BYTES", "MAX_EVENTS", "Buffer", "BufferStatistics"]

MAX_EVENTS = 1024
MAX_BYTES = 4 * 1024 * 1024


@attrs.frozen
class BufferStatistics:
    """How much waits in a buffer.

    Attributes:
        events, size: what waits in it now, in events and in bytes of their frames.
        max_events, max_bytes: its bounds. The event that reaches one is still taken.
    """

    events: int
    size: int
    max_events: int
    max_bytes: int


@attrs.define(eq=False)
class Buffer:
    """A queue that counts what it holds. The caller of `put()` looks at `full` first, and decides what to do then.

    Attributes:
        max_events, max_bytes: when it is full.
        size: bytes of the frames whose events it holds.
    """

    max_events: int = MAX_EVENTS
    max_bytes: int = MAX_BYTES
    size: int = attrs.field(default=0, init=False)
    _items: list[tuple[Event, int]] = attrs.field(factory=list, init=False, repr=False)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether a bound is reached."""
        return len(self._items) >= self.max_events or self.size >= self.max_bytes

    def put(self, event: Event, size: int) -> None:
        """Append *event*, whose frame has *size* bytes."""
        self._items.append((event, size))
        self.size += size

    def take(self) -> tuple[Event, int]:
        """Remove the oldest event, and return it with its size."""
        event, size = self._items.pop(0)
        self.size -= size
        return event, size

    def take_all(self) -> list[tuple[Event, int]]:
        """Remove everything, and return it, oldest first."""
        items, self._items, self.size = self._items, [], 0
        return items

    def drop(self, unwanted: Callable[[Event], bool]) -> int:
        """Remove the events that are *unwanted*, and return how many were removed."""
        before = self.take_all()
        for event, size in before:
            if not unwanted(event):
                self.put(event, size)
        return len(before) - len(self)

    def clear(self) -> None:
        """Remove everything."""
        self._items.clear()
        self.size = 0

    def statistics(self) -> BufferStatistics:
        """Return how much waits here."""
        return BufferStatistics(len(self._items), self.size, self.max_events, self.max_bytes)
