"""Events and statuses as lines of text."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import attrs

from cometconn import Connected, Connecting, Disconnected, Waiting
from cometconn.errors import CometConnError
from cometconn.events import UnknownEvent, UnreadableFrame

if TYPE_CHECKING:
    from cometconn import Status
    from cometconn.events import Event

__all__ = ["event_line", "in_words"]


def event_line(event: Event) -> str:
    """Return an event as one line of JSON: its class's name as `event`, then its attributes.

    Times are ISO 8601; the frame itself (`raw`) is left out wherever there are attributes instead of it.
    """
    whole = isinstance(event, UnknownEvent | UnreadableFrame)
    line = {"event": type(event).__name__, **_fields(event, whole=whole)}
    return json.dumps(line, ensure_ascii=False, default=_plain)


def _fields(value: Any, *, whole: bool = False) -> dict[str, Any]:
    return {name: getattr(value, name) for name in attrs.fields_dict(type(value)) if whole or name != "raw"}


def _plain(value: Any) -> Any:
    """Return what JSON has no word for in other words."""
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, BaseException):
        code = value.code if isinstance(value, CometConnError) else type(value).__name__
        return {"code": code, "message": str(value)}
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _fields(value)


def in_words(status: Status) -> str:
    """Return a status as people read it."""
    match status:
        case Disconnected(reason=reason):
            return f"disconnected: {reason.value}"
        case Waiting(attempt=attempt, retry_at=retry_at, at=at):
            return f"waiting {retry_at - at:.1f} s for attempt {attempt}"
        case Connecting(attempt=attempt):
            return f"connecting, attempt {attempt}"
        case Connected():
            return "connected"
