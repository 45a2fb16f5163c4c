"""Reactions to messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["Reactions"]


class Reactions:
    """Reactions by message, in the order in which they came."""

    def __init__(self) -> None:
        self._all: dict[str, list[Json]] = {}

    def add(self, message: Json, emoji: str, uid: str, *, now: int) -> bool:
        """Add a reaction; `False` when the user has reacted with this emoji before."""
        if any(reaction["uid"] == uid for reaction in self.of(message, emoji)):
            return False
        identifier = f"{message['id']}-{uid}-{emoji}"
        reaction = {"id": identifier, "messageId": message["id"], "reaction": emoji, "uid": uid, "reactedAt": now}
        self._all.setdefault(message["id"], []).append(reaction)
        return True

    def remove(self, message: Json, emoji: str, uid: str) -> bool:
        """Remove a reaction; `False` when there is none."""
        mine = [reaction for reaction in self.of(message, emoji) if reaction["uid"] == uid]
        for reaction in mine:
            self._all[message["id"]].remove(reaction)
        return bool(mine)

    def of(self, message: Json, emoji: str | None = None) -> list[Json]:
        """Return the reactions to a message, or those with this emoji."""
        return [r for r in self._all.get(message["id"], ()) if emoji in {None, r["reaction"]}]

    def summary(self, message: Json, uid: str) -> list[Json]:
        """Count the reactions by emoji, as *uid* sees them: `data.reactions` of a message."""
        emojis = dict.fromkeys(reaction["reaction"] for reaction in self.of(message))
        return [
            {
                "reaction": emoji,
                "count": len(found := self.of(message, emoji)),
                "reactedByMe": any(reaction["uid"] == uid for reaction in found),
            }
            for emoji in emojis
        ]
