"""Which messages have come already, so that each is published once."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._wire.message_key import message_key
from cometconn.events import Message

from .seen_ids import SeenIds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cometconn.events import Event

__all__ = ["KnownMessages"]

_WINDOW = 4096  # message ids remembered
_NO_IDS: Final[frozenset[int]] = frozenset()  # shared: an idle client has no set of its own
_id_of = operator.attrgetter("id")


@attrs.define(eq=False)
class KnownMessages:
    """The ids of messages that came to the user who is logged in, or that this client has sent.

    Attributes:
        last_id: the largest id of a message that came; `None` before the first one.
    """

    last_id: int | None = attrs.field(default=None, init=False)
    _seen: SeenIds = attrs.field(factory=lambda: SeenIds(_WINDOW), init=False)
    _resumed: frozenset[int] = attrs.field(default=_NO_IDS, init=False)  # acknowledged before the client was opened
    _last_sent: int = attrs.field(default=0, init=False)

    def is_known(self, event: Event) -> bool:
        """Return whether *event* is a message that is known already, and remember it."""
        if isinstance(event, Message) and event.id > (self.last_id or 0) and event.id > self._last_sent:  # as usual
            self.last_id = event.id
            self._seen.add((event.id,))
            return False
        key = message_key(event)
        if key is None:
            return False
        known = key in self._seen or key in self._resumed
        if not known and (self.last_id is None or key > self.last_id):
            self.last_id = max(key, 0)
        self._seen.add((key,))
        return known

    def are_new(self, events: Sequence[Event], kinds: set[type[Event]]) -> bool:
        """Return whether *events*, of these *kinds*, are messages in the order of their ids and later than all before.

        That is the usual case. Then they are remembered; otherwise nothing is.
        """
        if not kinds or not all(issubclass(kind, Message) for kind in kinds):
            return False
        ids: list[int] = list(map(_id_of, events))
        if ids[0] <= max(self.last_id or 0, self._last_sent) or not all(map(operator.lt, ids, ids[1:])):
            return False
        self._seen.add(ids)
        self.last_id = ids[-1]
        return True

    def note_sent(self, number: int) -> None:
        """Remember a message of our own: should the server send it back, it is a duplicate.

        The messages before it may still be missing, so `last_id` stays as it is.
        """
        self._last_sent = max(self._last_sent, number)
        self._seen.add((number,))

    def resume(self, position: int | None, acknowledged: Iterable[int]) -> None:
        """Go on from a saved position; the message at it, and those behind it that were *acknowledged*, are known.

        One before the position is not: its id may have been given out late.
        """
        self._resumed = frozenset((*acknowledged, *(() if position is None else (position,))))
        self.last_id = max(self._resumed, default=None)

    def behind(self, number: int) -> set[int]:
        """Return the known ids that are larger than *number*."""
        return {*self._seen.beyond(number), *(known for known in self._resumed if known > number)}

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._resumed = _NO_IDS
        self.last_id = None
        self._last_sent = 0
