"""Decodes frames from the server: from a frame's text to a typed value.

No frame makes the decoder raise an exception: one that cannot be read becomes a value, too, because it must not end the
connection. Every text is first tried with the fast decoder, which takes the usual frames; the reference decides the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import attrs
import msgspec

from cometconn._json.parts import framed_message_id, raw_message_id
from cometconn._json.signs import UNCOUNTED, at_once
from cometconn._json.values import Parsed, parse_in_steps, sendable
from cometconn.errors import DecodeError
from cometconn.events import Event, UnknownEvent, UnreadableFrame, User

from . import fast, reference
from .converter import UnfitError, converter, decode_error, fit
from .message_key import body_id
from .reference import Notes

__all__ = ["AuthReply", "Decoded", "Decoder", "Echo", "Pong", "decode", "decode_user"]

T = TypeVar("T")

_MESSAGE: Final = "message"
_PONGS: Final = frozenset({'{"action":"pong"}', '{"action":"pong","ack":"true"}'})  # as the server writes them


@attrs.frozen
class AuthReply:
    """The answer to the auth frame.

    Attributes:
        accepted: the code is 200, as text or as a number. Nothing else counts.
        code: the code as text, empty if there is none; it comes from the server, so it must be masked before it is shown.
        status: CometChat's word for it.
        message: the server's own text; not shown, because it may contain anything.
    """

    accepted: bool
    code: str
    status: str | None = None
    message: str | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Pong:
    """The reply to a ping. It does not identify the ping."""


_PONG: Final = Pong()


@attrs.frozen
class Echo:
    """A message that this session sent, and that the server has sent back. To be dropped.

    CometChat's clients drop every frame that carries their own session id, except two types.
    cometconn drops only messages (frames of type `message`).

    Attributes:
        id: the message's id, if it has one.
    """

    id: int | None = None


Decoded: TypeAlias = AuthReply | Pong | Event | Echo
"""What a frame may turn out to be."""


@attrs.define(eq=False)
class Decoder:
    """Reads the frames of one connection, or the messages of REST responses. No text makes `decode()` or `decode_fetched()` raise.

    Attributes:
        own_uid: the uid of the logged-in user: a call has another event class for the user who started it.
        session_id: the id of this run of the client, by which its echoes are recognised.
        max_items: arrays, objects and commas outside text that one frame may have.
        on_unread: is called with the optional attributes of a frame that could not be read, each as
            `"TextMessage data.metadata"`, so there are no more different texts than attributes, whatever servers send;
            and with each `UnreadableFrame`.
    """

    own_uid: str | None
    session_id: str | None
    max_items: int = 10_000
    on_unread: Callable[[Sequence[str] | UnreadableFrame], None] = lambda _: None
    _known: fast.KnownPeople = attrs.field(init=False)
    _parsed: Parsed | None = attrs.field(default=None, init=False, repr=False)  # the text that is decoded next

    @_known.default
    def _know_no_user(self) -> fast.KnownPeople:
        return fast.KnownPeople(self.own_uid)

    def begin(self, text: str | bytes) -> Generator[None, None, None]:
        """Parse *text*, which is long and is decoded next. Each step may take 3 ms: there is a checkpoint after each."""
        self._parsed = yield from parse_in_steps(text, self.max_items)

    def decode(self, text: str | bytes) -> Decoded:
        """Decode one frame.

        Args:
            text: the frame: `str` if it was a text frame, `bytes` if it was a binary one.

        Returns:
            An `UnreadableFrame` for a binary frame, for what is not JSON, and for a frame
            that is not what its kind must be; an `UnknownEvent` for a kind without a class.
        """
        if isinstance(text, str):
            if len(text) < UNCOUNTED and text in _PONGS:  # a long text is not hashed: that takes most of a millisecond
                return _PONG
            for event in self.first_events((text,)):
                return event
        return self.decode_plainly(text)

    def first_events(self, texts: Sequence[str]) -> list[Event]:
        """Return the events that *texts* begin with, up to the first text that is not usual: `decode()` reads that."""
        return fast.first_events(texts, session_id=self.session_id, known=self._known)

    def decode_plainly(self, text: str | bytes) -> Decoded:
        """Return what `decode()` does, from the reference decoder alone."""
        if not isinstance(text, str):
            return self._unreadable(text, DecodeError("The frame is binary; CometChat sends text."), None)
        try:
            return self._decode(self._parse(text))
        except Exception as error:  # noqa: BLE001 - one bad frame must not end a connection; the error is in the event
            return self._unreadable(text, error, framed_message_id(text), ("body",))

    def decode_fetched(self, text: bytes) -> Event | Echo:
        """Decode one message of a list that came over REST: to what its frame would become, with its body as `raw`.

        Args:
            text: the JSON of the message, which has the shape of a `message` frame's body.
        """
        try:
            parsed = self._parse(text)
            body = parsed.value
            data = fit(dict, body).get("data")
            if self.session_id is not None and isinstance(data, dict) and data.get("resource") == self.session_id:
                return Echo(body_id(body))
            return self._read(reference.read_body, parsed) or UnknownEvent(_MESSAGE, body)
        except Exception as error:  # noqa: BLE001 - one bad message must not cost the page it is on
            return self._unreadable(text.decode("utf-8", "replace"), error, raw_message_id(text))

    def decode_value(self, kind: type[T], text: bytes) -> T:
        """Decode one user, group, member or conversation of a REST response, as leniently as those inside events.

        Args:
            kind: the class.
            text: the JSON.

        Raises:
            DecodeError: it is not a JSON object, or lacks what every *kind* has, such as a user's uid.
        """
        try:
            parsed = self._parse(text)
            notes = Notes(self.own_uid, parsed.finite)
            with reference.reading(notes):
                made: T = converter.structure(parsed.value, kind)
        except Exception as error:  # noqa: BLE001 - one bad element must not cost the page it is on
            raise _bare_error(error) from None
        self._note(notes)
        return made

    def _note(self, notes: Notes) -> None:
        if notes.unread:
            self.on_unread([f"{kind.__name__} {'.'.join(path).lstrip('^.')}" for kind, path in notes.unread])

    def _parse(self, text: str | bytes) -> Parsed:
        begun, self._parsed = self._parsed, None
        parsed = begun if begun is not None and begun.text is text else at_once(parse_in_steps(text, self.max_items))
        if parsed.error is not None:
            raise parsed.error
        if parsed.is_refused:
            message = f"The message has more than {self.max_items:,} items (Limits.max_items)."
            raise DecodeError(message)
        return parsed

    def _unreadable(
        self, text: str | bytes, error: Exception, number: int | None, prefix: tuple[str, ...] = ()
    ) -> UnreadableFrame:
        event = UnreadableFrame(text, _bare_error(error, prefix), number)
        self.on_unread(event)
        return event

    def _decode(self, parsed: Parsed) -> Decoded:
        frame = fit(dict, parsed.value, ("^",))
        if frame.get("action") == "pong":
            return Pong()
        kind = frame.get("type")
        if kind is None:
            return UnknownEvent("", frame)
        if fit(str, kind, ("^", "type")) == "auth":
            return _auth_reply(frame.get("body"))
        if kind == _MESSAGE and self.session_id is not None and frame.get("deviceId") == self.session_id:
            return Echo(body_id(frame.get("body")))
        return self._read(reference.read_frame, parsed) or UnknownEvent(kind, frame)

    def _read(self, read: Callable[[Any], Event | None], parsed: Parsed) -> Event | None:
        notes = Notes(self.own_uid, parsed.finite)
        with reference.reading(notes):
            event = read(parsed.value)
        self._note(notes)
        return event


def decode(text: str | bytes, *, own_uid: str | None, session_id: str | None) -> Decoded:
    """Decode one frame with the reference decoder alone. Never raises, whatever the frame is."""
    return Decoder(own_uid, session_id).decode_plainly(text)


def decode_user(user: Mapping[str, Any]) -> User:
    """Return a user from the server's mapping, tokens left out. Raises `DecodeError` if it has no uid."""
    try:
        with reference.reading(Notes()):
            known: User = converter.structure(sendable(user), User)
            return known
    except UnfitError as error:
        raise decode_error(str(error), error.path) from None


def _auth_reply(body: object) -> AuthReply:
    fields = body if isinstance(body, dict) else {}
    code, status, message = (fields.get(key) for key in ("code", "status", "message"))
    return AuthReply(
        accepted=code in ("200", 200),
        code=str(code) if isinstance(code, str | int | float) else "",
        status=status if isinstance(status, str) else None,
        message=message if isinstance(message, str) else None,
    )


def _bare_error(error: Exception, prefix: tuple[str, ...] = ()) -> DecodeError:
    # Events are kept, so a new error: the raised one holds every frame of the stack it came through.
    if isinstance(error, UnfitError):
        path = error.path[1:] if error.path[:1] == ("^",) else (*prefix, *error.path)
        return decode_error(str(error), path)
    if isinstance(error, DecodeError):
        return DecodeError(error.message, path=error.path)
    if isinstance(error, RecursionError):
        return decode_error("is nested too deeply")
    if isinstance(error, msgspec.DecodeError):
        what, _, _ = str(error).removeprefix("JSON is malformed: ").partition(" - at ")
        return DecodeError(f"The frame is not JSON: {what}.")
    return DecodeError(f"The frame cannot be read: {type(error).__name__}.")
