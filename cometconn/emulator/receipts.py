"""How far everybody has got in each conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .jsontext import Json

__all__ = ["Mark", "Receipts"]

Mark: TypeAlias = Literal["delivered", "read"]


class Receipts:
    """The last message delivered to, and read by, each user in each conversation.

    Marking a message marks the ones before it in its conversation, too; what was read was
    delivered. A user's own messages need no mark.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[object, str, Mark], int] = {}

    def mark(self, message: Json, uid: str, mark: Mark) -> None:
        """Note that *uid* got as far as this message; earlier marks stay."""
        for implied in ("delivered", mark):
            place = (message["conversationId"], uid, implied)
            self._last[place] = max(self._last.get(place, 0), int(message["id"]))

    def reached(self, message: Json, uid: str, mark: Mark) -> bool:
        """Tell whether this message was delivered to, or read by, *uid*."""
        return message["sender"] == uid or self._last.get((message["conversationId"], uid, mark), 0) >= int(
            message["id"]
        )

    def reached_by_all(self, message: Json, uids: Iterable[str], mark: Mark) -> bool:
        """Tell whether it was by all of *uids*."""
        return all(self.reached(message, uid, mark) for uid in uids)
