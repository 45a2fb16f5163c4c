"""How far each user has got in each conversation."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cometconn.emulator.jsontext import Json

__all__ = ["MARK_LIMIT", "Mark", "Receipts"]

MARK_LIMIT = 1_000
"""Of so many marks of a user in a conversation the times are kept; the oldest are dropped first."""

Mark: TypeAlias = Literal["delivered", "read"]
_Key: TypeAlias = "tuple[object, str, Mark]"


class Receipts:
    """The last message delivered to, and read by, each user in each conversation.

    Marking a message marks the ones before it in its conversation, too, and a message that was
    read counts as delivered. A user's own messages need no mark.
    """

    def __init__(self) -> None:
        self._last: dict[_Key, int] = {}
        self._marks: dict[_Key, list[tuple[int, int]]] = {}

    def mark(self, message: Json, uid: str, mark: Mark, *, now: int = 0) -> None:
        """Record that *uid* got as far as this message. An older message than the last one marked changes nothing."""
        number = int(message["id"])
        steps: tuple[Mark, ...] = ("delivered",) if mark == "delivered" else ("delivered", "read")
        for step in steps:
            key = (message["conversationId"], uid, step)
            if number > self._last.get(key, 0):
                self._last[key] = number
                marks = self._marks.setdefault(key, [])
                marks.append((number, now))
                del marks[:-MARK_LIMIT]

    def unmark(self, message: Json, uid: str) -> None:
        """Record that *uid* has read the conversation only up to the message before this one."""
        key: _Key = (message["conversationId"], uid, "read")
        before = int(message["id"]) - 1
        if self._last.get(key, 0) > before:
            self._last[key] = before
            self._marks[key] = [(number, at) for number, at in self._marks[key] if number <= before]

    def last(self, conversation: str, uid: str, mark: Mark) -> int:
        """Return the id of the last message marked, or 0."""
        return self._last.get((conversation, uid, mark), 0)

    def reached_at(self, message: Json, uid: str, mark: Mark) -> int | None:
        """Return when another user's mark reached this message, in seconds since 1970; `None` if it did not."""
        key, number = (message["conversationId"], uid, mark), int(message["id"])
        marks = self._marks.get(key, [])
        at = bisect.bisect_left(marks, (number, 0))
        return marks[at][1] if at < len(marks) else None

    def reached(self, message: Json, uid: str, mark: Mark) -> bool:
        """Whether this message was delivered to, or read by, *uid*."""
        return message["sender"] == uid or self._last.get((message["conversationId"], uid, mark), 0) >= int(
            message["id"]
        )

    def reached_by_all(self, message: Json, uids: Iterable[str], mark: Mark) -> bool:
        """Whether it was delivered to, or read by, all of *uids*."""
        return all(self.reached(message, uid, mark) for uid in uids)
