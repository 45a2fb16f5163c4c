"""Sending messages over REST."""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs
import trio

from cometconn._account.retrying import add_sentence
from cometconn._groups import ShortTraceback
from cometconn._json.signs import has_too_many_items
from cometconn.errors import ApiError, SendUncertainError, SettingsError
from cometconn.events import Message, UnreadableFrame

from .receivers import address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cometconn._account.session import Session
    from cometconn._streams.streams import Streams
    from cometconn.settings import Limits

    from .message_changes import MessageChanges
    from .receivers import Receiver
    from .requester import Requester

__all__ = ["MessageSender", "OutgoingMessage", "check_sent", "decoded", "uncertain"]

M = TypeVar("M", bound=Message)

_CLIENT_ERRORS = 400
_REQUEST_TIMEOUT = 408
_SERVER_ERRORS = 500

_OTHER_KIND = {
    "ERR_UID_NOT_FOUND": 'If {} is a group, add receiver_type="group".',
    "ERR_GUID_NOT_FOUND": 'If {} is a user, leave receiver_type="group" out.',
}
"""What may be meant if there is no such receiver."""


def check_sent(call: str, text: str, limits: Limits) -> None:
    """Refuse to send *text*, which *call* has made, beyond the limits: a client with the same ones would not read it."""
    size = len(text) if text.isascii() else len(text.encode())
    if size > limits.max_message:
        message = f"{call}: the message has {size:,} bytes of JSON; Limits.max_message is {limits.max_message:,}."
    elif has_too_many_items(text, limits.max_items):
        message = f"{call}: the message has more than {limits.max_items:,} items (Limits.max_items)."
    else:
        return
    raise SettingsError(message + " Nothing was sent.")


@attrs.frozen(eq=False, kw_only=True)
class OutgoingMessage:
    """A message that is sent, and what `resend()` needs if it is not known whether it was sent.

    Attributes:
        call: the name of the call, for error messages.
        draft: the JSON of the message; empty if its files were sent together with it, so that it cannot be sent again.
        kind: the class that the server's message must have.
        to: the receiver, as it was given.
        muid: the id of the message that was given or made before it was sent.
        app_id: the app.
        uid: the sender.
        listed_at: the segments of the path that lists its conversation or, of a reply in a thread, the thread.
        begun_at: when it was first sent, on the environment's boot clock.
        lock: held by the call of `resend()` that deals with it.
    """

    call: str
    draft: str = attrs.field(repr=False)
    kind: type[Message]
    to: object
    muid: str
    app_id: str
    uid: str
    listed_at: tuple[str, ...]
    begun_at: float
    lock: trio.Lock = attrs.field(factory=trio.Lock, repr=False)


@attrs.define(eq=False)
class MessageSender:
    """Sends messages. It neither needs nor touches the socket.

    Attributes:
        requester: makes the requests.
        streams: get the id of each message that was sent: should the server send it back, it is a duplicate.
        limits: bounds of what may be sent.
        boot_time: a clock that continues while the computer sleeps.
    """

    requester: Requester
    streams: Streams
    limits: Limits
    boot_time: Callable[[], float]

    def send(
        self,
        call: str,
        kind: type[M],
        to: Receiver,
        receiver_type: Literal["user", "group"],
        make_draft: Callable[..., str],
        **fields: Any,
    ) -> Callable[[], Awaitable[M]]:
        """Take a message. Return the wait that sends it and returns it as the server has it.

        Args:
            call: the name of the call, for error messages.
            kind: the class that the server's message must have.
            to: the receiver.
            receiver_type: what it stands for, if it is an id.
            make_draft: makes the JSON of the message.
            fields: the rest of what *make_draft* needs. A `muid` that is `None` is made here.
        """
        outgoing = self.prepare(call, kind, to, receiver_type, make_draft, **fields)
        return self.send_prepared(outgoing, kind)

    def prepare(
        self,
        call: str,
        kind: type[Message],
        to: Receiver,
        receiver_type: Literal["user", "group"],
        make_draft: Callable[..., str],
        *,
        muid: str | None = None,
        parent_message_id: int | None = None,
        **fields: Any,
    ) -> OutgoingMessage:
        """Return the message that `send()` sends. Raises `SettingsError` or `NotLoggedInError`."""
        identity = self.requester.identity
        receiver, receiver_type = address(f"{call[:-2]}(to=...)", to, receiver_type, identity.uid)
        muid = str(uuid.uuid4()) if muid is None else muid
        options = {"muid": muid, "parent_message_id": parent_message_id}
        draft = make_draft(receiver=receiver, receiver_type=receiver_type, **options, **fields)
        session = self.requester.login.logged_in(call)
        check_sent(call, draft, self.limits)
        in_conversation = (f"{receiver_type}s", receiver, "messages")
        return OutgoingMessage(
            call=call,
            draft=draft,
            kind=kind,
            to=to,
            muid=muid,
            app_id=identity.app_id,
            uid=session.uid,
            listed_at=in_conversation if parent_message_id is None else ("messages", str(parent_message_id), "thread"),
            begun_at=self.boot_time(),
        )

    def send_prepared(
        self,
        outgoing: OutgoingMessage,
        kind: type[M],
        post: Callable[[Session], Awaitable[dict[str, Any]]] | None = None,
    ) -> Callable[[], Awaitable[M]]:
        """Return the wait that sends what `prepare()` returned, by *post* if it is more than its draft."""
        return partial(self._send, outgoing, kind, self._request(outgoing.call, outgoing.draft, post))

    @property
    def changes(self) -> MessageChanges:
        """What changes messages."""
        from .message_changes import MessageChanges  # noqa: PLC0415 - most clients never use it

        return MessageChanges(self.requester, self.streams, self.limits)

    def resend(self, error: SendUncertainError) -> Callable[[], Awaitable[Message]]:
        """Return the wait that looks for the message of *error*, sends it if it is not there, and returns it."""
        outgoing: OutgoingMessage | None = error._unconfirmed  # noqa: SLF001 - kept there for this call
        session = self.requester.login.logged_in("resend()")
        if outgoing is None:
            message = (
                "resend(error=...) must be an error that a send of a client has raised, not one that a program made."
            )
            raise SettingsError(message)
        if outgoing.uid != session.uid or outgoing.app_id != self.requester.identity.app_id:
            secrets = self.requester.identity.secrets
            message = f"resend(): {outgoing.call} was called for the user {secrets.masked_line(outgoing.uid)}"
            message += f" of the app {outgoing.app_id}, who is not logged in here. Nothing was sent."
            raise SettingsError(message)
        return partial(self._resend, outgoing)

    def _request(
        self, call: str, draft: str, post: Callable[[Session], Awaitable[dict[str, Any]]] | None = None
    ) -> Callable[[], Awaitable[tuple[Session, dict[str, Any]]]]:
        return self.requester.begin(call, partial(_posted, post or partial(self._post, draft)))

    async def _post(self, draft: str, session: Session) -> dict[str, Any]:
        return await self.requester.api.send_message(session, draft)

    @trio.lowlevel.enable_ki_protection
    async def _send(
        self,
        outgoing: OutgoingMessage,
        kind: type[M],
        wait: Callable[[], Awaitable[tuple[Session, dict[str, Any]]]],
        *,
        again: bool = False,
    ) -> M:
        with ShortTraceback():
            try:
                return self._sent(outgoing.call, *await wait(), kind)
            except ApiError as error:
                failure = _explained(error, outgoing.to)
            if _is_uncertain(failure) or (again and failure.worth_retrying):
                raise uncertain(failure, outgoing) from failure.__cause__
            raise failure

    @trio.lowlevel.enable_ki_protection
    async def _resend(self, outgoing: OutgoingMessage) -> Message:
        from .sent_search import SentSearch  # noqa: PLC0415 - most clients never use it

        with ShortTraceback():
            async with outgoing.lock:
                search = SentSearch(self.requester, outgoing, self.boot_time, self.streams.note_unread)
                try:
                    found = await search.find()
                except ApiError as error:
                    failure = error
                else:
                    if found is None and not outgoing.draft:
                        message = "resend(): the message was not sent, but its files are not kept: send it again."
                        raise SettingsError(message)
                    if found is None:
                        wait = self._request("resend()", outgoing.draft)
                        return await self._send(outgoing, outgoing.kind, wait, again=True)
                    self.streams.note_sent(found.id)
                    return found
                failure.message = f"resend() could not look for the message: {failure.message}"
                raise uncertain(failure, outgoing) from failure.__cause__

    def _sent(self, call: str, session: Session, body: dict[str, Any], kind: type[M]) -> M:
        """Return the message that the server's answer contains."""
        sent = decoded(body, session.uid, self.streams.note_unread)
        if not isinstance(sent, kind):
            message = f"{call}: the message was sent, but the server's answer is no {kind.__name__}."
            cause = sent.error if isinstance(sent, UnreadableFrame) else None
            raise ApiError(message, code="INVALID_RESPONSE", status=200) from cause
        if self.requester.identity.is_current(session):
            self.streams.note_sent(sent.id)
        return sent


async def _posted(
    post: Callable[[Session], Awaitable[dict[str, Any]]], session: Session
) -> tuple[Session, dict[str, Any]]:
    return session, await post(session)


def decoded(body: object, uid: str, on_unread: Callable[[Sequence[str] | UnreadableFrame], None]) -> object:
    """Return the event that a message in an answer to the user *uid* is; an `UnreadableFrame` if it is none."""
    from cometconn._wire.decoder import Decoder  # noqa: PLC0415 - 40 ms that the first client need not wait for

    text = json.dumps(body).encode()
    return Decoder(uid, None, len(text), on_unread).decode_fetched(text)  # the answer was bounded when it came


def uncertain(failure: ApiError, outgoing: OutgoingMessage) -> SendUncertainError:
    """Return the error for a message that may have been sent."""
    # Without an answer the error ends with a sentence like this one already.
    error = SendUncertainError(
        failure.message if failure.status is None else f"{failure.message} The message may have been sent.",
        muid=outgoing.muid,
        code=failure.code,
        details=failure.details,
        status=failure.status,
        retry_after=failure.retry_after,
    )
    error.add_note("`await chat.resend(error)` sends the message only if it was not sent.")
    error._unconfirmed = outgoing  # noqa: SLF001 - for `resend()`
    return error


def _explained(error: ApiError, to: object) -> ApiError:
    if isinstance(to, str) and error.code in _OTHER_KIND:  # an id alone does not tell what it stands for
        add_sentence(error, _OTHER_KIND[error.code].format(to))
    return error


def _is_uncertain(error: ApiError) -> bool:
    """Return whether the server may have taken the message, although it did not return it."""
    if error.status is None:
        return error.sent
    no_message = error.code == "INVALID_RESPONSE" and error.status < _CLIENT_ERRORS
    return no_message or error.status == _REQUEST_TIMEOUT or error.status >= _SERVER_ERRORS
