"""Events and statuses as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn import Connected, Connecting, Disconnected, Waiting
from cometconn.events import as_json

from .terminal import json_line

if TYPE_CHECKING:
    from cometconn import Status
    from cometconn.events import Event

__all__ = ["event_line", "status_text"]


def event_line(event: Event) -> str:
    """Return an event as one line of JSON, as `as_json()` describes it.

    Secrets are masked wherever they are; control characters are escaped, and a JSON parser restores them.
    """
    return json_line(as_json(event))


def status_text(status: Status) -> str:
    """Return a status as text for people."""
    match status:
        case Disconnected(reason=reason):
            return f"disconnected: {reason.value}"
        case Waiting(attempt=attempt, retry_at=retry_at, at=at):
            return f"waiting {retry_at - at:.1f} s for attempt {attempt}"
        case Connecting(attempt=attempt):
            return f"connecting, attempt {attempt}"
        case Connected():
            return "connected"
