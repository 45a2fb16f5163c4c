"""The arguments of `login()`, the user of a session, and the error that logs a user out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import CometConnError, DecodeError, NotLoggedInError, SettingsError
from cometconn.events import User

if TYPE_CHECKING:
    from cometconn._account.session import Session

__all__ = ["check_arguments", "unknown_token", "user_of"]

_LOG = logging.getLogger("cometconn")


def user_of(session: Session) -> User:
    """Return the user of a saved session; with unreadable details, a WARNING and the uid alone."""
    from cometconn._wire.decoder import decode_user  # noqa: PLC0415 - 40 ms that the first client need not wait for

    try:
        return decode_user(session.user)
    except DecodeError as error:
        words = KnownSecrets(session.auth_token, session.jwt).masked_line(error)
        _LOG.warning("The saved details of the user cannot be read, only the uid is known: %s", words)
        return User(session.uid)


def unknown_token(refusal: CometConnError, second: CometConnError | None = None) -> NotLoggedInError:
    """Return the cause of a logout: the server does not know the token, and *second* is why a new login failed."""
    text = f"The server no longer knows the auth token ({refusal.message.rstrip('.')})"
    if second is not None:
        text += f", and a new login with the auth_key that login() was given failed ({second.message.rstrip('.')})"
    made = NotLoggedInError(f"{text}. Log in again.", code=refusal.code)
    made.__cause__ = second or refusal
    return made


def check_arguments(uid: str | None, auth_key: str | None, auth_token: str | None) -> None:
    """Refuse arguments of `login()` that do not fit together."""
    by_key = uid is not None and auth_key is not None and auth_token is None
    by_token = auth_token is not None and uid is None and auth_key is None
    if not (by_key or by_token):
        message = "login() takes either uid= and auth_key=, or auth_token= alone."
        raise SettingsError(message, code="MISSING_PARAMETERS")
