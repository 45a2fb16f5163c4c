"""What a store saves of a session, and its text form."""

from __future__ import annotations

import json
from typing import Any

import attrs

from cometconn._arguments import checked
from cometconn.errors import StoreError

from .saved_values import json_object, message_id, nonempty_text, parse, timestamp, token
from .session import Session, new_device_id

__all__ = ["LIMIT", "SavedSession", "read_saved"]

_SCHEMA = 2
_WITH_POSITION = 1  # the schema of version 0.1.0, in which the position was part of the session
LIMIT = 32 * 1024 * 1024
"""The most bytes of a text form; a session has a few thousand. A longer text is neither written nor read to its end."""


@checked
@attrs.frozen
class SavedSession:
    """What a `Store` keeps for one app: the device id and, when a user is logged in, the session.

    Attributes:
        app_id: the app that it belongs to.
        device_id: this device's id, which stays the same after a logout.
        session: the session of the logged-in user, with its tokens; `None` when no user is logged in. Its attributes
            are internal to the client. No token is in the `repr`.
        origin: the servers of the last login, as URLs without secrets. A client sends the session to no other servers.
            `None` before the first login, and in the text forms of versions that did not save it.
    """

    app_id: str
    device_id: str
    session: Session | None = None
    origin: str | None = None

    @classmethod
    def new(cls, app_id: str) -> SavedSession:
        """Return what an empty store loads: a new device id, and no logged-in user."""
        return cls(app_id, new_device_id(app_id))

    @property
    def uid(self) -> str | None:
        """The uid of the logged-in user, or `None`."""
        return None if self.session is None else self.session.uid

    def logged_out(self) -> SavedSession:
        """Return a copy without the session: what a store keeps after `forget()`. The device id and the origin stay."""
        return attrs.evolve(self, session=None)

    def to_text(self) -> str:
        """Return the text to save: JSON, in ASCII, with the tokens in it.

        Raises:
            StoreError: the user or the settings are nested too deeply, or longer than 32 MiB.
        """
        content: dict[str, Any] = {
            "schema": _SCHEMA,
            "app_id": self.app_id,
            "device_id": self.device_id,
            "session": None,
        }
        if self.session is not None:
            content["session"] = _unstructure(self.session)
        if self.origin is not None:
            content["origin"] = self.origin
        try:
            saved = json.dumps(content)
        except RecursionError:
            saved = None
        if saved is None or len(saved) > LIMIT:
            message = "The session cannot be saved: the server sent too much data about the user."
            raise StoreError(message)
        return saved

    @classmethod
    def from_text(cls, text: str) -> SavedSession:
        """Return the session in *text*. The text forms of all earlier versions of cometconn are accepted.

        Raises:
            ValueError: it is not a saved session, or one of its values is invalid.
        """
        return read_saved(text)[0]


def read_saved(text: str) -> tuple[SavedSession, int | None]:
    """Return the session in *text*, and the id of the last message if the text form of version 0.1.0 has one."""
    data = parse(text, limit=LIMIT, schemas=(_WITH_POSITION, _SCHEMA))
    try:
        app_id, session, last_id = nonempty_text(data["app_id"]), data["session"], None
        if session is not None:
            if data["schema"] == _WITH_POSITION:
                last_id = _last_message_id(json_object(session))
            session = _structure(json_object(session), app_id)
        # The schema's number did not change with the origin: an earlier version reads this form, too, so that processes of
        # both versions can share a store during an update.
        origin = data.get("origin")
        origin = None if origin is None else nonempty_text(origin)
        return SavedSession(app_id, nonempty_text(data["device_id"]), session, origin), last_id
    except KeyError as error:
        message = "not a saved session"
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
    user, settings = json_object(saved["user"]), json_object(saved["settings"])
    return Session(app_id, nonempty_text(saved["uid"]), auth_token, None if jwt is None else token(jwt), user, settings)


def _last_message_id(saved: dict[str, Any]) -> int | None:
    last_id, seen_at = saved.get("last_message_id"), saved.get("last_seen_at")
    if seen_at is not None:
        timestamp(seen_at)  # validated, and not used: it was taken from the local clock
    return None if last_id is None else message_id(last_id)
