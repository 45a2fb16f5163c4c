"""How far each user has got in each conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cometconn.emulator.jsontext import Json

__all__ = ["Mark", "Receipts"]

Mark: TypeAlias = Literal["delivered", "read"]


class Receipts:
    """The last message delivered to, and read by, each user in each conversation.

    Marking a message marks the ones before it in its conversation, too, and a message that was
    read counts as delivered. A user's own messages need no mark.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[object, str, Mark], int] = {}

    def mark(self, message: Json, uid: str, mark: Mark) -> None:
        """Record that *uid* got as far as this message. An older message than the last one marked changes nothing."""
        for implied in ("delivered", mark):
            key = (message["conversationId"], uid, implied)
            self._last[key] = max(self._last.get(key, 0), int(message["id"]))

    def reached(self, message: Json, uid: str, mark: Mark) -> bool:
        """Whether this message was delivered to, or read by, *uid*."""
        return message["sender"] == uid or self._last.get((message["conversationId"], uid, mark), 0) >= int(
            message["id"]
        )

    def reached_by_all(self, message: Json, uids: Iterable[str], mark: Mark) -> bool:
        """Whether it was delivered to, or read by, all of *uids*."""
        return all(self.reached(message, uid, mark) for uid in uids)
