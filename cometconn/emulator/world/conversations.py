"""What each user has made of a conversation: tags, pins and deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["Conversations"]


class Conversations:
    """The tags, pins and deletions of conversations. They are private to each user."""

    def __init__(self) -> None:
        self._tags: dict[tuple[str, str], list[str]] = {}
        self._pinned_at: dict[tuple[str, str], int] = {}
        self._deleted_up_to: dict[tuple[str, str], int] = {}

    def tags(self, uid: str, conversation: str) -> list[str]:
        """Return the tags that this user gave the conversation."""
        return self._tags.get((uid, conversation), [])

    def tag(self, uid: str, conversation: str, tags: list[str]) -> None:
        """Replace the user's tags of a conversation."""
        self._tags[uid, conversation] = tags

    def pinned_at(self, uid: str, conversation: str) -> int | None:
        """Return when this user pinned the conversation, in seconds since 1970; `None` if it is not pinned."""
        return self._pinned_at.get((uid, conversation))

    def pin(self, uid: str, conversation: str, *, now: int) -> None:
        """Pin a conversation."""
        self._pinned_at[uid, conversation] = now

    def unpin(self, uid: str, conversation: str) -> None:
        """Unpin a conversation."""
        self._pinned_at.pop((uid, conversation), None)

    def delete(self, uid: str, conversation: str, last_id: int) -> None:
        """Hide the messages of a conversation up to this one from the user. Newer ones bring the conversation back."""
        self._deleted_up_to[uid, conversation] = last_id
        self._tags.pop((uid, conversation), None)
        self.unpin(uid, conversation)

    def shows(self, uid: str, message: Json) -> bool:
        """Whether the user did not delete the conversation after this message."""
        return int(message["id"]) > self._deleted_up_to.get((uid, message["conversationId"]), 0)
