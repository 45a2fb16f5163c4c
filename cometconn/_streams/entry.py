"""What streams keep of an event, and of events that they had to drop."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final, TypeAlias

from cometconn._wire.message_key import message_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.events import Event

__all__ = ["Entry", "IdRange", "joined", "place_of", "size_of", "with_dropped"]

Entry: TypeAlias = "tuple[Event, int, int]"
"""An event, the bytes of its frame, and its place in the order of arrival."""

IdRange: TypeAlias = "tuple[int, int]"
"""The smallest and the largest id of messages that were dropped, and that no `Overflow` has reported yet.

They are not acknowledged before that, since the program may end first. The ids between the two are treated alike.
"""

size_of: Final[Callable[[Entry], int]] = operator.itemgetter(1)
"""Return the bytes of an entry's frame."""
place_of: Final[Callable[[Entry], int]] = operator.itemgetter(2)
"""Return the place of an entry: the key for sorting by arrival."""


def joined(one: IdRange | None, other: IdRange | None) -> IdRange | None:
    """Return the range that covers both."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def with_dropped(ids: IdRange | None, entry: Entry) -> IdRange | None:
    """Return *ids*, extended by the message that was dropped if *entry* is one."""
    number = message_key(entry[0])
    return ids if number is None else joined(ids, (number, number))
