"""The bodies of the log's entries: JSON, and the same for a message whether it came live or was fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from cometconn._wire.decoder import Decoder, decode
from cometconn._wire.message_key import message_key
from cometconn.errors import DecodeError
from cometconn.events import Event as ClientEvent
from cometconn.events import Gap, Message, Overflow, Resumed, UnreadableFrame

from .values import EntryKind, LogEntry, LogEvent

__all__ = ["decode_entry", "to_log_event"]

_MESSAGE = "message"  # of a frame: its body is what REST returns for the same message
_FRAME = "frame"
_TEXT = "text"
_HOLE = "hole"


def to_log_event(event: ClientEvent, uid: str, *, own: bool = True) -> LogEvent | None:
    """Return what the log keeps of an event of the account *uid*; `None` for markers that mean no loss.

    Args:
        event: as a stream of the client yields it.
        uid: the account's.
        own: whether messages that this account itself has sent get an entry. Otherwise only their ids count.
    """
    if isinstance(event, Gap | Overflow | Resumed):
        hole = _hole(event)
        return None if hole is None else LogEvent(None, _to_json({_HOLE: hole}), EntryKind.HOLE)
    number = message_key(event)
    kind = EntryKind.SIGNAL if number is None else EntryKind.MESSAGE
    if not own and isinstance(event, Message) and event.sender.uid == uid:
        return LogEvent(number, None, kind)
    return LogEvent(number, _to_json(_content(event)), kind)


def decode_entry(entry: LogEntry) -> ClientEvent | None:
    """Return the event of an entry; `None` for a hole. Never raises: an unreadable one is an `UnreadableFrame`."""
    try:
        content = json.loads(entry.body)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        if _MESSAGE in content:
            decoded = Decoder(entry.account, None).decode_fetched(json.dumps(content[_MESSAGE]).encode())
            assert isinstance(decoded, ClientEvent), "without a session id there are no echoes"
            return decoded
        if _FRAME in content or _TEXT in content:
            text = content.get(_TEXT)
            frame = text if isinstance(text, str) else json.dumps(content[_FRAME])
            read = decode(frame, own_uid=entry.account, session_id=None)
            if isinstance(read, ClientEvent):
                return read
        if _HOLE in content:
            return None
    return UnreadableFrame(entry.body, DecodeError("The entry of the log cannot be read.", path=()), entry.id)


def _content(event: ClientEvent) -> dict[str, Any]:
    if isinstance(event, UnreadableFrame):
        raw = event.raw
        return {_TEXT: raw if isinstance(raw, str) else raw.decode("utf-8", "replace")}
    raw_frame: Mapping[str, Any] = getattr(event, "raw", {})
    if message_key(event) is None and not _is_body(raw_frame):
        return {_FRAME: raw_frame}
    body = raw_frame.get("body")
    return {_MESSAGE: body if isinstance(body, Mapping) and raw_frame.get("type") == _MESSAGE else raw_frame}


def _is_body(raw: Mapping[str, Any]) -> bool:
    """Return whether *raw* is the body of a message, as REST returns it, and not a frame around one."""
    return "body" not in raw and "category" in raw


def _hole(event: Gap | Overflow | Resumed) -> dict[str, Any] | None:
    if isinstance(event, Overflow):
        return {"dropped": event.dropped}
    if isinstance(event, Gap) and event.recovered is False:
        return {
            "after_id": event.after_id,
            "before_id": event.before_id,
            "since": event.since_utc.isoformat(),
            "until": event.until_utc.isoformat(),
        }
    return None


def _to_json(content: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(content)
    except (TypeError, ValueError, UnicodeError, OverflowError, RecursionError):
        # Half surrogates, and mappings that are no dict.
        return json.dumps(content, default=_plain).encode()


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
