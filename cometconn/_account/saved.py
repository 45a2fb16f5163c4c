"""The text form of a saved session: what is written, and which texts are accepted."""

from __future__ import annotations

import json
from typing import Any

import attrs

from cometconn.errors import StoreError

from .judged import message_id, moment, nonempty, structure, token
from .session import Session, new_device_id

__all__ = ["LIMIT", "SavedSession", "read_saved"]

_SCHEMA = 2
_WITH_POSITION = 1  # the form of version 0.1.0: the position was part of the session
LIMIT = 32 * 1024 * 1024
"""Bytes: a session has a few thousand. A longer text is neither written nor read to its end."""


@attrs.frozen
class SavedSession:
    """What a `Store` keeps for one app: the device id and, when a user is logged in, the session.

    Attributes:
        app_id: the app that it belongs to.
        device_id: this device's id, which stays the same after a logout.
        session: the session of the logged-in user, with its tokens; `None` when nobody is
            logged in. Its parts belong to the client. No token is in the `repr`.
    """

    app_id: str
    device_id: str
    session: Session | None = None

    @classmethod
    def new(cls, app_id: str) -> SavedSession:
        """Return what a store that holds nothing loads: a new device id, and nobody logged in."""
        return cls(app_id, new_device_id(app_id))

    @property
    def uid(self) -> str | None:
        """The uid of the logged-in user, or `None`."""
        return None if self.session is None else self.session.uid

    def logged_out(self) -> SavedSession:
        """Return the same without its session: what a store keeps after `forget()`."""
        return attrs.evolve(self, session=None)

    def to_text(self) -> str:
        """Return the text to save: JSON, in ASCII, with the tokens in it.

        Raises:
            StoreError: the user or the settings are nested too deeply, or longer than 32 MiB.
        """
        content = {"schema": _SCHEMA, "app_id": self.app_id, "device_id": self.device_id, "session": None}
        if self.session is not None:
            content["session"] = _unstructure(self.session)
        try:
            saved = json.dumps(content)
        except RecursionError:
            saved = None
        if saved is None or len(saved) > LIMIT:
            message = "The session cannot be saved: what the server says of the user is too much."
            raise StoreError(message)
        return saved

    @classmethod
    def from_text(cls, text: str) -> SavedSession:
        """Return what *text* holds. Every form that a version of cometconn ever saved is read.

        Raises:
            ValueError: it is no saved session, or one of its values makes no sense.
        """
        return read_saved(text)[0]


def read_saved(text: str) -> tuple[SavedSession, int | None]:
    """Return what *text* holds, and the id of the last message where the session's old form has one."""
    if len(text) > LIMIT:
        message = "too long"
        raise ValueError(message)
    try:
        data = structure(json.loads(text))
        schema = data["schema"]
        if type(schema) is not int or schema not in {_WITH_POSITION, _SCHEMA}:
            message = "of another version"
            raise ValueError(message)
        app_id, session, last_id = nonempty(data["app_id"]), data["session"], None
        if session is not None:
            if schema == _WITH_POSITION:
                last_id = _last_message_id(structure(session))
            session = _structure(structure(session), app_id)
        return SavedSession(app_id, nonempty(data["device_id"]), session), last_id
    except (KeyError, RecursionError) as error:
        message = "no session"
        raise ValueError(message) from error


def _unstructure(session: Session) -> dict[str, Any]:
    return {
        "uid": session.uid,
        "auth_token": session.auth_token,
        "jwt": session.jwt,
        "user": dict(session.user),
        "settings": dict(session.settings),
    }


def _structure(saved: dict[str, Any], app_id: str) -> Session:
    auth_token, jwt = token(saved["auth_token"]), saved["jwt"]
    user, settings = structure(saved["user"]), structure(saved["settings"])
    return Session(app_id, nonempty(saved["uid"]), auth_token, None if jwt is None else token(jwt), user, settings)


def _last_message_id(saved: dict[str, Any]) -> int | None:
    last_id, seen_at = saved.get("last_message_id"), saved.get("last_seen_at")
    if seen_at is not None:
        moment(seen_at)  # by the local clock of that time: it decides nothing
    return None if last_id is None else message_id(last_id)
