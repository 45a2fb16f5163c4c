"""What the objects of this package share: the way to CometChat, and the decoding of what it returns."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from cometconn._wire.decoder import Decoder
from cometconn.errors import ApiError, DecodeError, NotLoggedInError
from cometconn.events import Event, Message, UnreadableFrame

from .hints import with_hint

if TYPE_CHECKING:
    from cometconn.settings import Limits

    from .request_call import RequestCall

__all__ = ["Context"]

T = TypeVar("T")


@attrs.frozen(eq=False)
class Context:
    """How the objects of this package reach CometChat as the user who is logged in.

    Attributes:
        requests: makes the requests.
        own_uid: returns the logged-in user's uid, for the call of this name. Raises `NotLoggedInError`.
        limits: bounds of what is read.
        note_unread: is called with the attributes that could not be read, as a `Decoder` does.
        note_left_out: is called with the error of each element of a list that could not be read.
    """

    requests: RequestCall
    own_uid: Callable[[str], str]
    limits: Limits
    note_unread: Callable[[Sequence[str]], None]
    note_left_out: Callable[[DecodeError], None]

    def reader(self, call: str) -> Reader:
        """Return what reads responses for the user who is logged in now."""
        return Reader(self, call, self.own_uid(call))

    def value(self, call: str, kind: type[T], path: str) -> Callable[[], Awaitable[T]]:
        """Return the wait for the *kind* that the server has at *path*."""
        wait, reader = self.requests.undecoded(call, path), self.reader(call)
        return partial(with_hint, partial(_value, reader, kind.__name__, partial(reader.value, kind), wait))

    def message(self, call: str, path: str) -> Callable[[], Awaitable[Message]]:
        """Return the wait for the message that the server has at *path*."""
        wait, reader = self.requests.undecoded(call, path), self.reader(call)
        return partial(with_hint, partial(_value, reader, "message", reader.message, wait))

    def created(self, call: str, kind: type[T], path: str, json: Any) -> Callable[[], Awaitable[T]]:
        """Return the wait that creates a *kind* at *path* with a `POST`, and returns it as the server does."""
        wait, reader = self.requests.request(call, "POST", path, json=json), self.reader(call)
        read = partial(reader.value, kind)
        return partial(with_hint, partial(_value, reader, kind.__name__, read, partial(_encoded, wait)))

    def change(self, call: str, method: str, path: str, json: Any = None) -> Callable[[], Awaitable[None]]:
        """Return the wait for a request whose response does not matter, unless it is an error."""
        return partial(with_hint, partial(_nothing, self.requests.request(call, method, path, json=json)))


@attrs.frozen(eq=False)
class Reader:
    """Reads responses for one user.

    Attributes:
        context: of the objects that use it.
        call: the name of the public call, for error messages.
        uid: the user.
        decoder: decodes the JSON.
    """

    context: Context
    call: str
    uid: str
    decoder: Decoder = attrs.field(init=False)

    @decoder.default
    def _make_decoder(self) -> Decoder:
        # Without a session id, so that messages of this session are no echoes.
        return Decoder(self.uid, None, self.context.limits.max_items, self._note)

    def check_user(self) -> None:
        """Raise `NotLoggedInError` if another user has logged in, or none is logged in any more."""
        if self.context.own_uid(self.call) != self.uid:
            message = f"{self.call} was called for the user who was logged in then, and now another one is."
            raise NotLoggedInError(message)

    def event(self, text: bytes) -> Event | None:
        """Decode one message of a list; `None` if it cannot be read, which is counted."""
        try:
            self._check_length(text)
        except DecodeError as error:
            self.left_out(error)
            return None
        event = self.decoder.decode_fetched(text)
        return event if isinstance(event, Event) and not isinstance(event, UnreadableFrame) else None

    def value(self, kind: type[T], text: bytes) -> T:
        """Decode a user, group, member or conversation. Raises `DecodeError`."""
        self._check_length(text)
        return self.decoder.decode_value(kind, text)

    def message(self, text: bytes) -> Message:
        """Decode the message that is wanted. Raises `DecodeError`."""
        self._check_length(text)
        event = self.decoder.decode_fetched(text)
        if isinstance(event, UnreadableFrame):
            raise event.error
        if not isinstance(event, Message):
            message = "There is no class for this kind of message."
            raise DecodeError(message)
        return event

    def _check_length(self, text: bytes) -> None:
        """Raise `DecodeError` for a text whose decoding would take too long."""
        if len(text) > (most := self.context.limits.max_message):
            message = f"It has {len(text):,} bytes, and Limits.max_message is {most:,}."
            raise DecodeError(message)

    def left_out(self, error: DecodeError) -> None:
        """Count an element of a list that could not be read."""
        self.context.note_left_out(error)

    def _note(self, unread: Sequence[str] | UnreadableFrame) -> None:
        if isinstance(unread, UnreadableFrame):
            self.left_out(unread.error)
        else:
            self.context.note_unread(unread)


async def _value(
    reader: Reader, what: str, read: Callable[[bytes], T], wait: Callable[[], Awaitable[Mapping[str, bytes]]]
) -> T:
    """Await the response, and return what *read* makes of its data; *what* it is, is for the error."""
    data = (await wait())["data"]
    try:
        return read(data)
    except DecodeError as error:
        message = f"{reader.call}: the server's answer is no {what}: {error.message}"
        raise ApiError(message, code="INVALID_RESPONSE", status=200) from error


async def _encoded(wait: Callable[[], Awaitable[Any]]) -> Mapping[str, bytes]:
    return {"data": json.dumps((await wait())["data"]).encode()}


async def _nothing(wait: Callable[[], Awaitable[Any]]) -> None:
    await wait()
