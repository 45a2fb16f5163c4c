"""Events that one stream has handed out, and that are not acknowledged yet."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._wire.message_key import message_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from cometconn.events import Event

    from .entry import Entry

__all__ = ["Unacknowledged"]

_NO_ENTRIES: Final[dict[int, Entry]] = {}  # shared by all streams but those with acknowledge="call"


@attrs.define(eq=False)
class Unacknowledged:
    """What readers have in hand (`acknowledge="next"`), or what awaits a call of `acknowledge()` (`acknowledge="call"`).

    The last event of a stream's only reader is not here: `EventQueue` keeps it itself, because that is quicker.

    Attributes:
        by_reader: entries in the hands of each task that reads.
        count: entries here.
    """

    by_reader: dict[Hashable, list[Entry]] = attrs.field(factory=dict, init=False, repr=False)
    count: int = attrs.field(default=0, init=False)
    _by_identity: dict[int, Entry] = attrs.field(default=_NO_ENTRIES, init=False, repr=False)
    _settled: weakref.WeakValueDictionary[int, Event] | None = attrs.field(default=None, init=False, repr=False)

    def __iter__(self) -> Iterator[Entry]:
        for entries in self.by_reader.values():
            yield from entries
        yield from self._by_identity.values()

    def add(self, reader: Hashable, entries: Iterable[Entry]) -> None:
        """Note that *reader* has *entries* in hand."""
        hand = self.by_reader.setdefault(reader, [])
        self.count -= len(hand)
        hand.extend(entries)
        self.count += len(hand)

    def take(self, reader: Hashable) -> list[Entry]:
        """Remove what *reader* has in hand, and return it."""
        entries = self.by_reader.pop(reader, [])
        self.count -= len(entries)
        return entries

    def clear_readers(self) -> None:
        """Remove what readers have in hand."""
        self.by_reader.clear()
        self.count = len(self._by_identity)

    def add_for_call(self, entry: Entry) -> bool:
        """Keep *entry* until `acknowledge()` is called with its event; return whether it is kept.

        Only messages are: nothing else can be fetched again.
        """
        event = entry[0]
        if message_key(event) is None:
            self.settle(event)
            return False
        if self._by_identity is _NO_ENTRIES:
            self._by_identity = {}
        self._by_identity[id(event)] = entry
        self.count += 1
        return True

    def settle(self, event: Event) -> None:
        """Remember as long as it lives that *event* was handed out, and needs no acknowledgement any more."""
        if self._settled is None:
            self._settled = weakref.WeakValueDictionary()
        self._settled[id(event)] = event

    def call(self, event: Event) -> Entry | None:
        """Remove *event*, with which `acknowledge()` was called, and return its entry; `None` if it was settled before.

        Raises:
            ValueError: *event* was never handed out.
        """
        entry = self._by_identity.pop(id(event), None)
        if entry is not None:
            self.settle(event)
            self.count -= 1
        elif self._settled is None or self._settled.get(id(event)) is not event:
            message = "acknowledge() was given an event that this stream has not handed out."
            raise ValueError(message)
        return entry
