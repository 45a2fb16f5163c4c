"""Events and statuses as lines of text."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from cometconn import Connected, Connecting, Disconnected, Waiting
from cometconn._text.secret_names import without_named_secrets
from cometconn.errors import CometConnError
from cometconn.events import UnknownEvent, UnreadableFrame

from .shown import json_line

if TYPE_CHECKING:
    from cometconn import Status
    from cometconn.events import Event

__all__ = ["event_line", "in_words"]


def event_line(event: Event) -> str:
    """Return an event as one line of JSON: its class's name as `event`, then its attributes.

    Times are ISO 8601; the frame itself (`raw`) is left out wherever there are attributes instead of it. Secrets are
    masked; what a terminal would obey is escaped, and JSON reads it back.
    """
    whole = isinstance(event, UnknownEvent | UnreadableFrame)
    fields = _fields(event, whole=whole)
    if isinstance(event, UnreadableFrame):
        fields["raw"] = without_named_secrets(fields["raw"])
    return json_line({"event": type(event).__name__, **fields})


def _fields(value: Any, *, whole: bool = False) -> dict[str, Any]:
    return {name: _plain(getattr(value, name)) for name in attrs.fields_dict(type(value)) if whole or name != "raw"}


def _plain(value: Any) -> Any:
    """Return *value* as JSON, and what JSON has no word for in other words."""
    match value:
        case None | str() | int() | float():
            plain: Any = value
        case Mapping():
            plain = {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            plain = [_plain(item) for item in value]
        case datetime.datetime():
            plain = value.isoformat()
        case BaseException():
            plain = {
                "code": value.code if isinstance(value, CometConnError) else type(value).__name__,
                "message": str(value),
            }
        case bytes():
            plain = value.decode("utf-8", "backslashreplace")
        case _:
            plain = _fields(value)
    return plain


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
