"""Logging in and out: the REST calls, the saved session, and what the connection hears of it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import attrs
import trio

from ._lifecycle.states import Input
from ._wire.codec import decode_user
from .errors import ApiError, DecodeError, LoginInProgressError, NotLoggedInError, SettingsError, StoreError
from .events import User

if TYPE_CHECKING:
    from ._account.api import Api
    from ._account.session import Session
    from ._account.store import Store
    from ._connection.catch_up import CatchUp
    from ._connection.identity import Identity
    from ._connection.link import Link
    from ._connection.machine import Machine
    from ._connection.streams import Streams

__all__ = ["Login"]

_LOG = logging.getLogger("cometconn")


@attrs.define(eq=False)
class Login:
    """Who is logged in, as the facade and the supervisor change it.

    Attributes:
        api: CometChat's REST API.
        store: where the session is saved.
        identity: who speaks on the socket.
        machine, streams, catch_up: hear of every change.
    """

    api: Api
    store: Store
    identity: Identity
    machine: Machine
    streams: Streams
    catch_up: CatchUp | None = attrs.field(default=None, init=False)
    _user: User | None = attrs.field(default=None, init=False)
    _running: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _left: bool = attrs.field(default=False, init=False)
    _saving: trio.Lock = attrs.field(factory=trio.Lock, init=False, repr=False)

    @property
    def user(self) -> User | None:
        """The logged-in user."""
        return self._user

    def logged_in(self, call: str) -> Session:
        """Return the session for *call*; `NotLoggedInError` when there is none, or the client was left."""
        self._check_open(call)
        return self.identity.logged_in(call)

    def is_current(self, session: Session) -> bool:
        """Tell whether the user of *session* has been logged in all the time since."""
        current = self.identity.session
        return current is not None and current.auth_token == session.auth_token

    def reopen(self, session: Session) -> None:
        """Take up a saved session. No request."""
        try:
            self._enter(session, decode_user(session.user))
        except DecodeError as error:
            _LOG.warning("The saved details of the user cannot be read, only the uid is known: %s", self._words(error))
            self._enter(session, User(session.uid))

    def leave(self) -> None:
        """The client is being left: end a running `login()`."""
        self._left = True
        if self._running is not None:
            self._running.cancel(reason="cometconn: the client was closed")

    @trio.lowlevel.enable_ki_protection
    async def login(self, uid: str | None, auth_key: str | None, auth_token: str | None) -> User:
        """Log in; see `CometChat.login`."""
        _check_arguments(uid, auth_key, auth_token)
        self._check_open("login()")
        if self._running is not None:
            message = "login() was called while another login() of this client is running: await that one first."
            raise LoginInProgressError(message)
        session = self.identity.session
        if session is not None and self._user is not None and (uid == session.uid or auth_token == session.auth_token):
            self.machine.tell(Input.LOGGED_IN_AGAIN)
            user = self._user
            await trio.lowlevel.checkpoint()
            return user
        another = session is not None
        if another:
            self._exit()
        with trio.CancelScope() as self._running:
            try:
                if another:
                    await self._forget_saved()
                return await self._request(uid, auth_key, auth_token, self._running)
            finally:
                self._running = None
        message = "login() was ended by logout(), or by leaving the client."
        raise NotLoggedInError(message)

    async def _request(
        self, uid: str | None, auth_key: str | None, auth_token: str | None, scope: trio.CancelScope
    ) -> User:
        if auth_token is None:
            assert uid is not None, "checked"
            assert auth_key is not None, "checked"
            auth_token = await self.api.create_auth_token(uid, auth_key)
        session = attrs.evolve(await self.api.put_me(auth_token), last_seen_at=time.time())
        user = decode_user(session.user)
        async with self._saving:
            await self.store.save(session)
        if scope.cancel_called:
            # logout() came while the disk was busy: what was saved must not stay.
            await self._forget_saved()
            await trio.lowlevel.checkpoint()
        self._enter(session, user)
        return user

    @trio.lowlevel.enable_ki_protection
    async def logout(self) -> None:
        """Log out; see `CometChat.logout`."""
        if self._running is not None:
            self._running.cancel(reason="cometconn: logout() was called")
            await trio.lowlevel.checkpoint()
            return
        session = self.logged_in("logout()")
        link = self._exit()
        await self._forget_saved()
        refusal: ApiError | None = None
        try:
            await self.api.delete_me(session)
        except ApiError as error:
            refusal = error
        if link is not None:
            await link.wait_closed()
        if refusal is not None:
            raise refusal

    async def forget(self) -> None:
        """Log out because the server no longer knows the token: no request."""
        self._exit()
        try:
            await self._forget_saved()
        except StoreError as error:
            _LOG.warning("The session of a user whom the server no longer knows stays saved: %s", self._words(error))

    async def _forget_saved(self) -> None:
        # Who is no longer logged in must not come back with the next open_client().
        with trio.CancelScope(shield=True):  # bounded by the writing of one small file, or two
            async with self._saving:
                await self.store.forget()

    async def renew(self) -> None:
        """Get a new JWT for the logged-in user."""
        session = self.identity.logged_in("renewing the token")
        renewed = await self.api.get_me(session.auth_token, session)
        if self.identity.session is not session:
            return
        await self._keep(renewed, "The renewed session")

    async def note_position(self, number: int) -> None:
        """Save that all messages up to *number* were seen."""
        session = self.identity.session
        if session is not None and session.last_message_id != number:
            await self._keep(attrs.evolve(session, last_message_id=number, last_seen_at=time.time()), "The position")

    async def _keep(self, session: Session, what: str) -> None:
        """Go on with *session*, and save it unless somebody logs out meanwhile."""
        self.identity.session = session
        async with self._saving:
            if self.identity.session is not session:
                return
            try:
                await self.store.save(session)
            except StoreError as error:
                _LOG.warning("%s is not saved: %s", what, self._words(error))

    def _words(self, error: Exception) -> str:
        return self.identity.secrets.line(error)

    def _enter(self, session: Session, user: User) -> None:
        self._user = user
        self.identity.session = session
        self.machine.tell(Input.LOGGED_IN)

    def _exit(self) -> Link | None:
        link = self.machine.unclosed_link
        self.identity.session = self._user = None
        self.streams.forget()
        if self.catch_up is not None:
            self.catch_up.clear()
        self.machine.tell(Input.LOGGED_OUT)
        return link

    def _check_open(self, call: str) -> None:
        if self._left:
            message = f"{call} came after open_client() was left: open a new client."
            raise NotLoggedInError(message)


def _check_arguments(uid: str | None, auth_key: str | None, auth_token: str | None) -> None:
    by_key = uid is not None and auth_key is not None and auth_token is None
    by_token = auth_token is not None and uid is None and auth_key is None
    if not (by_key or by_token):
        message = "login() takes either uid= and auth_key=, or auth_token= alone."
        raise SettingsError(message, code="MISSING_PARAMETERS")
