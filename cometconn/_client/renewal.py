"""Keeping the session usable: a new JWT, a new auth token, or a logout when the server no longer knows the old one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_refusal, is_token_unknown
from cometconn._account.kept_connections import keeping_connections
from cometconn._account.session import is_token
from cometconn._lifecycle.states import Input
from cometconn.errors import ApiError, CometConnError, NotLoggedInError, StoreError

from .login_checks import unknown_token, user_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.api import Api
    from cometconn._account.bounded_store import BoundedStore
    from cometconn._account.session import Session
    from cometconn._connection.identity import Identity
    from cometconn._connection.machine import Machine
    from cometconn._streams.streams import Streams

__all__ = ["FallbackKey", "SessionRenewal", "token_judged"]

_LOG = logging.getLogger("cometconn")


def _of_streams(waiting: int) -> str:
    """Return what the WARNING of a logout adds for the streams that now wait."""
    if not waiting:
        return ""
    what = "1 event stream gets" if waiting == 1 else f"{waiting} event streams get"
    return f' {what} nothing until the next login(); with events(on_logout="raise") it would raise NotLoggedInError.'


@attrs.define(eq=False)
class FallbackKey:
    """The auth key that `login()` was given for a user whose saved token the server may no longer know.

    It stays in memory only until the server has accepted or refused that token.

    Attributes:
        value: the key; `None` when there is none.
    """

    value: str | None = attrs.field(default=None, init=False, repr=False)
    _accepted: bool = attrs.field(
        default=False, init=False
    )  # the server has accepted the token since the client was opened

    def keep(self, auth_key: str) -> None:
        """Keep *auth_key*, unless the server has accepted the token already."""
        if is_token(auth_key) and not self._accepted:
            self.value = auth_key

    def drop(self) -> None:
        """Forget the key."""
        self.value = None

    def token_accepted(self) -> None:
        """Note that the server knows the token: the key is not needed."""
        self.value, self._accepted = None, True

    def token_judged(self, on: Input) -> None:
        """Note that the server has accepted the token on the socket (AUTHENTICATED), or has refused it for good."""
        self.value, self._accepted = None, on is Input.AUTHENTICATED


def token_judged(key: FallbackKey, streams: Streams, on: Input, cause: CometConnError | None) -> None:
    """Drop *key* when the server has judged the token on the socket; log that it was refused, which ends all attempts."""
    key.token_judged(on)
    if on is Input.TOKEN_REFUSED:
        _LOG.warning("The client makes no further attempt to connect. %s%s", cause, _of_streams(streams.waiting))


@attrs.define(eq=False)
class SessionRenewal:
    """Replaces what the server no longer accepts of the session, or logs the user out.

    Attributes:
        api: CometChat's REST API.
        store: where the session is saved.
        identity: holds the session and the user.
        machine: gets the input LOGGED_OUT.
        streams: end with the login, if they were opened so.
        key: the auth key for a new login.
    """

    api: Api
    store: BoundedStore
    identity: Identity
    machine: Machine
    streams: Streams
    key: FallbackKey
    _replacing: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _one_replacement: trio.Lock | None = attrs.field(default=None, init=False, repr=False)

    @property
    def is_replacing(self) -> bool:
        """Whether the client is logging in anew, and nothing has ended that."""
        return self._replacing is not None and not self._replacing.cancel_called

    def cancel(self) -> None:
        """End a new login that is under way, and forget the key for one."""
        self.key.drop()
        if self._replacing is not None:
            self._replacing.cancel(reason="cometconn: logout() was called, or the client was closed")

    async def renew(self, wait_admitted: Callable[[], Awaitable[None]]) -> None:
        """Get a new JWT for the logged-in user; where the server no longer knows the auth token, log in anew.

        *wait_admitted* is awaited before the new login. Raises `ApiError`, and what `replace_token()` raises.
        """
        session = self.identity.logged_in("renewing the token")
        try:
            renewed = await self.api.get_me(session.auth_token, session)
        except ApiError as error:
            if not is_token_unknown(error):
                raise
            await self.replace_token(session, error, wait_admitted)
            return
        current = self.identity.session
        if current is not None and self.identity.is_current(session):
            self.key.token_accepted()
            await self._keep(attrs.evolve(current, jwt=renewed.jwt), "The renewed session")

    async def replace_token(
        self, session: Session, refusal: ApiError, wait_admitted: Callable[[], Awaitable[None]]
    ) -> None:
        """Log in anew with the auth key that `login()` was given for *session*, whose token the server does not know.

        *wait_admitted* is awaited first. The user, the streams and the position stay. The key serves until the server has accepted or refused it.

        Raises:
            NotLoggedInError: there is no key, or the server refused it, too: the user is to be logged out.
                Or `logout()` was called meanwhile.
            ApiError: no usable answer came; the key is kept, so a retry can help.
        """
        if self._one_replacement is None:
            self._one_replacement = trio.Lock()
        async with self._one_replacement:
            if not self.identity.is_current(session):
                return  # another task was first
            auth_key = self.key.value
            if auth_key is None:
                raise unknown_token(refusal)
            with trio.CancelScope() as self._replacing:
                try:
                    await wait_admitted()
                    made = await self._log_in_anew(session, auth_key, refusal)
                    if self.identity.session is not None and not self._replacing.cancel_called:
                        self.key.token_accepted()
                        self.identity.user = user_of(made)
                        await self._keep(made, "The new session")
                        return
                finally:
                    self._replacing = None
        message = "The new login was ended by logout(), or by leaving the client."
        raise NotLoggedInError(message)

    async def _log_in_anew(self, session: Session, auth_key: str, refusal: ApiError) -> Session:
        try:
            async with keeping_connections():
                made = await self.api.put_me(await self.api.create_auth_token(session.uid, auth_key))
        except CometConnError as error:
            if isinstance(error, ApiError) and not is_refusal(error):
                raise
            self.key.drop()
            raise unknown_token(refusal, error) from error
        if made.uid != session.uid:
            self.key.drop()
            message = f"The new login was answered with another user, {self.identity.secrets.masked_line(made.uid)}."
            raise unknown_token(refusal, ApiError(message, code="INVALID_RESPONSE", status=200))
        return made

    def log_out(self, cause: NotLoggedInError) -> None:
        """End the login and the connection in this client, because of *cause*."""
        self.cancel()
        self.identity.session = self.identity.user = None
        self.machine.apply(Input.LOGGED_OUT, cause)
        self.streams.log_out(cause)

    async def forget(self, reason: CometConnError) -> None:
        """Log out without a request, because the server no longer knows the token (*reason*). The position stays."""
        cause = reason if isinstance(reason, NotLoggedInError) else unknown_token(reason)
        self.log_out(cause)
        _LOG.warning("The user was logged out: %s%s", cause, _of_streams(self.streams.waiting))
        try:
            await self.store.save(None)
        except StoreError as error:
            words = self.identity.secrets.masked_line(error)
            _LOG.warning("The session stays saved, although the server no longer accepts its token: %s", words)

    async def _keep(self, session: Session, what: str) -> None:
        """Use *session* from now on, and save it unless a logout comes first."""
        self.identity.session = session
        try:
            await self.store.save(session, wanted=lambda: self.identity.session is session)
        except StoreError as error:
            self.store.warn(f"{what} is not saved", error)
