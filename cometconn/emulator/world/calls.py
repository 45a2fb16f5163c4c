"""The sessions of calls: caller, receiver, kind and status. No sound and no picture passes through the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["CALL_LIMIT", "FINAL_STATUSES", "Calls"]

CALL_LIMIT = 1_000
"""At most this many sessions are kept; the oldest are dropped first."""

FINAL_STATUSES: Final = frozenset({"busy", "cancelled", "ended", "rejected", "unanswered"})
"""A session with one of these statuses is over."""


class Calls:
    """The sessions by their ids, in the order in which they began. Each is the call as messages show it."""

    def __init__(self, *, limit: int = CALL_LIMIT) -> None:
        self._limit = limit
        self._sessions: dict[str, Json] = {}
        self._last = 0

    def begin(self, session: Json) -> Json:
        """Keep a new session; return it with its id."""
        self._last += 1
        session = {"sessionid": f"call-{self._last}", **session}
        self._sessions[session["sessionid"]] = session
        if len(self._sessions) > self._limit:
            del self._sessions[next(iter(self._sessions))]
        return session

    def get(self, identifier: str) -> Json | None:
        """Find a session by its id."""
        return self._sessions.get(identifier)
