"""Sending messages over REST."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import trio

from cometconn._account.api import is_token_unknown
from cometconn._groups import ShortTraceback
from cometconn._json.signs import has_too_many_items
from cometconn.errors import ApiError, NotLoggedInError, SettingsError
from cometconn.events import Message, UnreadableFrame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.api import Api
    from cometconn._account.session import Session
    from cometconn._connection.admission import Admission
    from cometconn._connection.identity import Identity
    from cometconn._streams.streams import Streams
    from cometconn.settings import Limits

    from .login import Login
    from .renewal import SessionRenewal

__all__ = ["MessageSender", "check_sent"]

M = TypeVar("M", bound=Message)

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


@attrs.define(eq=False)
class MessageSender:
    """Sends messages. It neither needs nor touches the socket.

    Attributes:
        api: CometChat's REST API.
        identity: holds the session at this moment.
        login: refuses a call without a logged-in user.
        renewal: replaces a token that the server no longer knows, or logs the user out.
        streams: get the id of each message that was sent: should the server send it back, it is a duplicate.
        limits: bounds of what may be sent.
        admission: is awaited before a new login.
    """

    api: Api
    identity: Identity
    login: Login
    renewal: SessionRenewal
    streams: Streams
    limits: Limits
    admission: Admission
    _running: list[trio.CancelScope] = attrs.field(factory=list, init=False, repr=False)

    def send(self, call: str, draft: str, kind: type[M], to: object) -> Callable[[], Awaitable[M]]:
        """Take the message of which *draft* is the JSON. Return the wait that sends it and returns it as the server has it.

        *call* and *to*, the receiver as it was given, are for error messages; *kind* is the class that the server's
        message must have.
        """
        session = self.login.logged_in(call)
        check_sent(call, draft, self.limits)
        return partial(self._send_until_left, call, session, draft, kind, to)

    @trio.lowlevel.enable_ki_protection
    async def _send_until_left(self, call: str, session: Session, draft: str, kind: type[M], to: object) -> M:
        self.login.logged_in(call)  # under asyncio the wait begins a moment after the call
        with trio.CancelScope() as scope, ShortTraceback():
            self._running.append(scope)
            try:
                return await self._send(call, session, draft, kind)
            except ApiError as error:
                if isinstance(to, str) and error.code in _OTHER_KIND:  # an id alone does not tell what it stands for
                    error.message = f"{error.message} {_OTHER_KIND[error.code].format(to)}"
                    error.args = (error.message,)
                raise
            finally:
                self._running.remove(scope)
        message = f"{call} was ended by leaving the client: whether the message was sent is not known."
        raise NotLoggedInError(message)

    def leave(self) -> None:
        """End the calls that are under way: the client is being left."""
        for scope in self._running:
            scope.cancel(reason="cometconn: the client was closed")

    async def _with_another_token(self, session: Session, refusal: ApiError) -> Session:
        """Return a session that the server knows; log out and raise *refusal* when there is none to get."""
        reason: NotLoggedInError | None = None
        try:
            await self.renewal.replace_token(session, refusal, self.admission.wait)
        except NotLoggedInError as error:
            reason = error
        if reason is None:
            return self.login.logged_in("sending the message")
        if self.identity.is_current(session):
            await self.renewal.forget(reason)
        raise refusal

    async def _send(self, call: str, session: Session, draft: str, kind: type[M]) -> M:
        refusal: ApiError | None = None
        body: dict[str, Any] = {}
        try:
            body = await self.api.send_message(session, draft)
        except ApiError as error:
            refusal = error
        if refusal is not None:
            if not (is_token_unknown(refusal) and self.identity.is_current(session)):
                raise refusal
            session = await self._with_another_token(session, refusal)
            body = await self.api.send_message(session, draft)
        if self.identity.is_current(session):
            self.renewal.key.token_accepted()
        from cometconn._wire.decoder import Decoder  # noqa: PLC0415 - 40 ms that the first client need not wait for

        text = json.dumps(body).encode()
        most = len(text)  # the answer was bounded when it came
        sent = Decoder(session.uid, None, most, self.streams.note_unread).decode_fetched(text)
        if not isinstance(sent, kind):
            message = f"{call}: the message was sent, but the server's answer is no {kind.__name__}."
            cause = sent.error if isinstance(sent, UnreadableFrame) else None
            raise ApiError(message, code="INVALID_RESPONSE", status=200) from cause
        if self.identity.is_current(session):
            self.streams.note_sent(sent.id)
        return sent
