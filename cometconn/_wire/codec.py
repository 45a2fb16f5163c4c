"""What the server says on the socket: from a frame's text to a typed value.

The reference: plain, and strict about types. `decode` never raises: what cannot be read
becomes a value too, because one bad frame must not end a connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs
import msgspec

from cometconn._json_parts import raw_message_id, split_object
from cometconn._nesting import is_too_deep
from cometconn.errors import DecodeError
from cometconn.events import Event, Message, MessageDeleted, MessageEdited, UnknownEvent, UnreadableFrame, User

from .bodies import read_body
from .converter import decode_error, structure, to_int, wrong
from .frames import strip_secrets
from .signals import READERS
from .source import Source

__all__ = [
    "AuthReply",
    "Decoded",
    "Echo",
    "Pong",
    "decode",
    "decode_fetched",
    "decode_message",
    "decode_user",
    "message_key",
    "strip_secrets",
]

_MESSAGE = "message"
_NUMBERED = (Message, MessageEdited, MessageDeleted)


@attrs.frozen
class AuthReply:
    """The answer to the auth frame.

    Attributes:
        accepted: the code is 200, as text or as a number. Nothing else counts.
        code: the code as text, empty if there is none; the server's own, so not to be shown as it is.
        status: CometChat's word for it.
        message: the server's own words; not shown, for they are not ours to vouch for.
    """

    accepted: bool
    code: str
    status: str | None = None
    message: str | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Pong:
    """The answer to a ping. It does not say to which."""


@attrs.frozen
class Echo:
    """A message that this session sent itself, come back. To be dropped.

    CometChat's clients drop every frame that carries their own session id, except two types.
    We judge messages only (frames of type `message`).

    Attributes:
        id: the message's id, if it has one.
    """

    id: int | None = None


Decoded: TypeAlias = AuthReply | Pong | Event | Echo
"""What a frame may turn out to be."""


def decode(text: str | bytes, *, own_uid: str | None, session_id: str | None) -> Decoded:
    """Return what one frame says. Never raises, whatever the frame is.

    Args:
        text: the frame: `str` if it was a text frame, `bytes` if it was a binary one.
        own_uid: the logged-in user: calls mean different things to who began them.
        session_id: this run of the client, to know its own echoes.

    Returns:
        An `UnreadableFrame` for a binary frame, for what is not JSON, and for a frame
        that is not what its kind must be; an `UnknownEvent` for a kind without a class.
    """
    if not isinstance(text, str):
        return UnreadableFrame(text, DecodeError("The frame is binary; CometChat sends text."))
    try:
        return _decode(_parse(text), own_uid, session_id)
    except Exception as error:  # noqa: BLE001 - the promise above; the error is in the event
        return UnreadableFrame(text, _bare_error(error), _framed_message_id(text))


def decode_fetched(text: bytes, *, own_uid: str | None, session_id: str | None) -> Event | Echo:
    """Return what one message of a list that came over REST says. Never raises, whatever it is.

    Args:
        text: the JSON of the message, which has the shape of a `message` frame's body.
        own_uid: the logged-in user.
        session_id: this run of the client, to know what it sent itself.

    Returns:
        What the frame would have been, with the body as `raw`.
    """
    try:
        body = _parse(text.decode())
        data = body.get("data") if isinstance(body, dict) else None
        if session_id is not None and isinstance(data, dict) and data.get("resource") == session_id:
            return Echo(_body_id(body))
        return _read_message(body, own_uid)
    except Exception as error:  # noqa: BLE001 - one bad message must not cost the page it is on
        return UnreadableFrame(text.decode("utf-8", "replace"), _bare_error(error), raw_message_id(text))


def _parse(text: str) -> Any:
    value = msgspec.json.decode(text)
    if is_too_deep(value, text):
        raise RecursionError  # told like a depth at which the parser gives up
    return value


def decode_message(body: Mapping[str, Any], *, own_uid: str | None = None) -> Event:
    """Return the event of a message body that came over REST. Never raises.

    Args:
        body: the message's mapping, which has the shape of a `message` frame's body.
        own_uid: the logged-in user.

    Returns:
        What the frame would have been, with `raw` being *body*. If it cannot be read, an
        `UnreadableFrame` with *body* as JSON; empty if it is nested too deeply even for that.
    """
    try:
        if is_too_deep(body):
            raise RecursionError  # noqa: TRY301 - told like a depth at which the parser gives up
        return _read_message(body, own_uid)
    except Exception as error:  # noqa: BLE001 - the promise above
        return UnreadableFrame(_as_text(body), _bare_error(error), _body_id(body))


def _read_message(body: Any, own_uid: str | None) -> Event:
    if not isinstance(body, dict):
        raise wrong(dict, body)
    return read_body(Source(body, body, (), {}, own_uid)) or UnknownEvent(_MESSAGE, body)


def _as_text(body: object) -> str:
    try:
        return json.dumps(body, default=str)
    except RecursionError:  # the parser went one level deeper than this can
        return ""


def decode_user(user: Mapping[str, Any]) -> User:
    """Return a user from the server's mapping, tokens left out. Raises `DecodeError`."""
    return structure(user, User, ())


def message_key(event: Event) -> int | None:
    """Return the id by which *event* is judged a duplicate; `None` if it never is one.

    Only what came as a message has one, an unreadable one included. An edit or a deletion counts by its own id, not by
    that of the message it changes; a moderation verdict repeats the message's id, so it is
    not judged.
    """
    if isinstance(event, _NUMBERED):
        return event.id
    if isinstance(event, UnknownEvent) and event.type == _MESSAGE:
        return _body_id(event.raw.get("body", event.raw))
    return event.message_id if isinstance(event, UnreadableFrame) else None


def _framed_message_id(text: str) -> int | None:
    """Return the id of the message in an unreadable frame; `None` if it is no message, or has no id."""
    frame = split_object(text.encode("utf-8", "replace")) or {}
    return raw_message_id(frame.get("body", b"")) if frame.get("type") == b'"message"' else None


def _decode(frame: Any, own_uid: str | None, session_id: str | None) -> Decoded:
    if not isinstance(frame, dict):
        raise wrong(dict, frame)
    if frame.get("action") == "pong":
        return Pong()
    kind = frame.get("type")
    if kind is None:
        return UnknownEvent("", frame)
    kind = structure(kind, str, ("type",))
    if kind == "auth":
        return _auth_reply(frame.get("body"))
    if kind == _MESSAGE and session_id is not None and frame.get("deviceId") == session_id:
        return Echo(_body_id(frame.get("body")))
    reader = READERS.get(kind)
    event = None
    if reader is not None:
        envelope = Source(frame, frame, (), {}, own_uid)
        body = envelope.inside(("body",)).body
        event = reader(Source(frame, body, ("body",), frame, own_uid))
    return event or UnknownEvent(kind, frame)


def _auth_reply(body: object) -> AuthReply:
    fields = body if isinstance(body, dict) else {}
    code, status, message = (fields.get(key) for key in ("code", "status", "message"))
    return AuthReply(
        accepted=code in ("200", 200),
        code=str(code) if isinstance(code, str | int | float) else "",
        status=status if isinstance(status, str) else None,
        message=message if isinstance(message, str) else None,
    )


def _body_id(body: object) -> int | None:
    try:
        return to_int(body.get("id")) if isinstance(body, dict) else None
    except ValueError:
        return None


def _bare_error(error: Exception) -> DecodeError:
    # Events are kept, so a new error: the raised one holds every frame of the stack it came through.
    if isinstance(error, DecodeError):
        return DecodeError(error.message, path=error.path)
    if isinstance(error, RecursionError):
        return decode_error("is nested too deeply")
    if isinstance(error, msgspec.DecodeError):
        what, _, _ = str(error).removeprefix("JSON is malformed: ").partition(" - at ")
        return DecodeError(f"The frame is not JSON: {what}.")
    if isinstance(error, UnicodeError):
        return DecodeError("The frame is not JSON: it is not Unicode text.")
    return DecodeError(f"The frame cannot be read: {type(error).__name__}.")
