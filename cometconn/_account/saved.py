"""What is saved, as JSON: what is written, and what of a file that was found is believed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import attrs

from cometconn.errors import StoreError

from .session import Session, is_token

__all__ = ["LIMIT", "Saved", "read_saved", "saved_text"]

_SCHEMA = 1
LIMIT = 32 * 1024 * 1024
"""Bytes: a session has a few thousand. What is longer is neither written nor read to its end."""


@attrs.frozen
class Saved:
    """What a store holds: the device's id, and the session of who is logged in."""

    device_id: str
    session: Session | None


def saved_text(saved: Saved, app_id: str) -> bytes:
    """Return the content of the file. Raises `StoreError` for what could not be read again."""
    content = {"schema": _SCHEMA, "app_id": app_id, "device_id": saved.device_id, "session": None}
    if saved.session is not None:
        content["session"] = _unstructure(saved.session)
    try:
        text = json.dumps(content).encode()
    except RecursionError:
        text = None
    if text is None or len(text) > LIMIT:
        message = "The session cannot be saved: what the server says of the user is too much."
        raise StoreError(message)
    return text


def read_saved(text: bytes, app_id: str) -> Saved:
    """Return what *text* holds; `ValueError` if it is no session of *app_id* that could be taken up."""
    if len(text) > LIMIT:
        message = "too long"
        raise ValueError(message)
    try:
        data = json.loads(text)
        if data["schema"] != _SCHEMA or data["app_id"] != app_id:
            message = "of another app, or of another version"
            raise ValueError(message)
        session = None if data["session"] is None else _structure(data["session"], app_id)
        return Saved(_text(data["device_id"]), session)
    except (TypeError, KeyError, RecursionError, OverflowError) as error:
        message = "no session"
        raise ValueError(message) from error


def _unstructure(session: Session) -> dict[str, Any]:
    return {
        "uid": session.uid,
        "auth_token": session.auth_token,
        "jwt": session.jwt,
        "user": dict(session.user),
        "settings": dict(session.settings),
        "last_message_id": session.last_message_id,
        "last_seen_at": session.last_seen_at,
        "since": session.since,
    }


def _structure(saved: Mapping[str, Any], app_id: str) -> Session:
    user, settings = saved["user"], saved["settings"]
    if not (isinstance(user, dict) and isinstance(settings, dict)):
        raise TypeError
    last_id = saved.get("last_message_id")
    seen_at, since = _moment(saved.get("last_seen_at")), _moment(saved.get("since"))
    if isinstance(last_id, bool) or not isinstance(last_id, int | None):
        raise TypeError
    token, jwt = _token(saved["auth_token"]), saved["jwt"]
    jwt = None if jwt is None else _token(jwt)
    return Session(app_id, _text(saved["uid"]), token, jwt, user, settings, last_id, seen_at, since)


def _moment(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise TypeError
    if value is not None and not math.isfinite(value):
        raise OverflowError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # half a surrogate pair can be written in JSON and sent nowhere
    return value


def _token(value: object) -> str:
    if not is_token(value):
        raise TypeError
    return value
