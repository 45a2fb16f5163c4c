"""Logging in and out: the REST calls, the saved session, and what the connection hears of it."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.api import is_refusal, is_token_unknown
from cometconn._account.session import is_token
from cometconn._connection.disconnection import Disconnection
from cometconn._connection.failures import lost_error
from cometconn._lifecycle.states import Input
from cometconn.errors import ApiError, CometConnError, LoginInProgressError, NotLoggedInError, StoreError
from cometconn.status import Reason

from .login_checks import check_arguments, unknown_token, user_of

if TYPE_CHECKING:
    from cometconn._account.api import Api
    from cometconn._account.bounded_store import BoundedStore
    from cometconn._account.saved_position import SavedPosition
    from cometconn._account.session import Session
    from cometconn._connection.catch_up import CatchUp
    from cometconn._connection.identity import Identity
    from cometconn._connection.link import Link
    from cometconn._connection.machine import Machine
    from cometconn._connection.position import PositionKeeper
    from cometconn._streams.streams import Streams
    from cometconn.events import User

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
        positions: take up and forget the user's position.
    """

    api: Api
    store: BoundedStore
    identity: Identity
    machine: Machine
    streams: Streams
    positions: PositionKeeper
    catch_up: CatchUp | None = attrs.field(default=None, init=False)
    _user: User | None = attrs.field(default=None, init=False)
    _running: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _left: bool = attrs.field(default=False, init=False)
    _auth_key: str | None = attrs.field(default=None, init=False, repr=False)  # kept until the saved token is judged
    _accepted: bool = attrs.field(default=False, init=False)  # the server has accepted the session's token in this run
    _replacing: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _one_replacement: trio.Lock | None = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Hear what becomes of the token on the socket."""
        self.machine.on_token_judged = self._token_judged

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

    def reopen(self, session: Session, position: SavedPosition | None) -> None:
        """Take up a saved session and its position. No request."""
        self._accepted = False
        self._enter(session, user_of(session), position, reopened=True)

    def leave(self) -> None:
        """The client is being left: end a running `login()`."""
        self._left = True
        self._drop_auth_key()
        if self._running is not None:
            self._running.cancel(reason="cometconn: the client was closed")

    @trio.lowlevel.enable_ki_protection
    async def login(self, uid: str | None, auth_key: str | None, auth_token: str | None) -> User:
        """Log in; see `CometChat.login`."""
        check_arguments(uid, auth_key, auth_token)
        self._check_open("login()")
        if self._running is not None:
            message = "login() was called while another login() of this client is running: await that one first."
            raise LoginInProgressError(message)
        if self._replacing is not None and not self._replacing.cancel_called:
            message = (
                "login() was called while the client logs in anew, because the saved token is unknown: try again later."
            )
            raise LoginInProgressError(message)
        session = self.identity.session
        self._auth_key = None
        if session is not None and self._user is not None and (uid == session.uid or auth_token == session.auth_token):
            if auth_key is not None and is_token(auth_key) and not self._accepted:
                self._auth_key = auth_key
            self.machine.tell(Input.LOGGED_IN_AGAIN)
            user = self._user
            await trio.lowlevel.checkpoint()
            return user
        another = session is not None
        if another:
            self._exit(NotLoggedInError("login() of another user was called."), forget=True)
        patience = self.store.patience
        with trio.CancelScope() as self._running:
            try:
                if another:
                    began = trio.current_time()
                    await self.store.forget()
                    patience = max(0.0, began + patience - trio.current_time())
                return await self._request(uid, auth_key, auth_token, self._running, patience)
            finally:
                self._running = None
        message = "login() was ended by logout(), or by leaving the client."
        raise NotLoggedInError(message)

    async def _request(
        self, uid: str | None, auth_key: str | None, auth_token: str | None, scope: trio.CancelScope, patience: float
    ) -> User:
        if auth_token is None:
            assert uid is not None, "checked"
            assert auth_key is not None, "checked"
            auth_token = await self.api.create_auth_token(uid, auth_key)
        session = await self.api.put_me(auth_token)
        from cometconn._wire.decoder import decode_user  # noqa: PLC0415 - 40 ms that the first client need not wait for

        user = decode_user(session.user)
        if scope.cancel_called:
            await trio.lowlevel.checkpoint()
        # logout(), or leaving the client, may also come while the disk is busy.
        await self.store.save(session, is_login=True, wanted=lambda: not scope.cancel_called, within=patience)
        if scope.cancel_called:
            await trio.lowlevel.checkpoint()
        self._accepted = True
        self._enter(session, user, self.store.position, reopened=False)
        return user

    @trio.lowlevel.enable_ki_protection
    async def logout(self) -> None:
        """Log out; see `CometChat.logout`."""
        if self._running is not None:
            self._running.cancel(reason="cometconn: logout() was called")
            await trio.lowlevel.checkpoint()
            return
        session = self.logged_in("logout()")
        link = self._exit(NotLoggedInError("logout() was called."), forget=True)
        errors: list[CometConnError] = []
        try:
            await self.store.forget()
        except StoreError as error:
            errors.append(error)
        # Where this call is cancelled already, the server is told all the same, and waited for a moment.
        is_cancelled = trio.current_effective_deadline() == -math.inf
        patience = self.store.patience if is_cancelled else math.inf
        try:
            with trio.move_on_after(patience, shield=is_cancelled):
                await self.api.delete_me(session)
        except CometConnError as error:
            errors.append(error)
        if link is not None:
            await link.wait_closed()
        for other in errors[1:]:
            _LOG.warning("logout() failed in more than one way: %s", other)
        if errors:
            raise errors[0]

    async def forget(self, reason: CometConnError) -> None:
        """Log out because the server no longer knows the token, as *reason* says: no request. The position stays."""
        cause = reason if isinstance(reason, NotLoggedInError) else unknown_token(reason)
        _LOG.warning("The user was logged out: %s", cause)
        self._exit(cause, forget=False)
        try:
            await self.store.save(None)
        except StoreError as error:
            _LOG.warning("The session of a user whom the server no longer knows stays saved: %s", self._words(error))

    async def renew(self) -> None:
        """Get a new JWT for the logged-in user; where the server no longer knows the auth token, log in anew.

        Raises `ApiError`, and whatever `replace_token()` raises.
        """
        session = self.identity.logged_in("renewing the token")
        try:
            renewed = await self.api.get_me(session.auth_token, session)
        except ApiError as error:
            if not is_token_unknown(error):
                raise
            await self.replace_token(session, error)
            return
        current = self.identity.session
        if current is not None and self.is_current(session):
            self.token_accepted()
            await self._keep(attrs.evolve(current, jwt=renewed.jwt), "The renewed session")

    def token_accepted(self) -> None:
        """Note that the server knows the token: what `login()` has kept to replace it is not needed."""
        self._accepted = True
        self._auth_key = None

    async def replace_token(self, session: Session, refusal: ApiError) -> None:
        """Log in anew with the auth key that `login()` was given for *session*, whose token the server does not know.

        The user, the streams and the position stay. The key serves until the server has accepted or refused it.

        Raises:
            NotLoggedInError: there is no key, or the server refused it, too: the user is to be logged out.
                Or `logout()` was called meanwhile.
            ApiError: no usable answer came; the key is kept, so that a retry can help.
        """
        if self._one_replacement is None:
            self._one_replacement = trio.Lock()
        async with self._one_replacement:
            if not self.is_current(session):
                return  # another task was first
            auth_key = self._auth_key
            if auth_key is None:
                raise unknown_token(refusal)
            with trio.CancelScope() as self._replacing:
                try:
                    made = await self._log_in_anew(session, auth_key, refusal)
                    current = self.identity.session
                    if current is not None and not self._replacing.cancel_called:
                        self.token_accepted()
                        self._user = user_of(made)
                        await self._keep(made, "The new session")
                        return
                finally:
                    self._replacing = None
        message = "The new login was ended by logout(), or by leaving the client."
        raise NotLoggedInError(message)

    async def _log_in_anew(self, session: Session, auth_key: str, refusal: ApiError) -> Session:
        try:
            made = await self.api.put_me(await self.api.create_auth_token(session.uid, auth_key))
        except CometConnError as error:
            if isinstance(error, ApiError) and not is_refusal(error):
                raise
            self._auth_key = None
            raise unknown_token(refusal, error) from error
        if made.uid != session.uid:
            self._auth_key = None
            message = f"The new login was answered with another user, {self.identity.secrets.line(made.uid)}."
            raise unknown_token(refusal, ApiError(message, code="INVALID_RESPONSE", status=200))
        return made

    def _token_judged(self, on: Input) -> None:
        self._auth_key = None
        self._accepted = on is Input.AUTHENTICATED

    def _drop_auth_key(self) -> None:
        self._auth_key = None
        if self._replacing is not None:
            self._replacing.cancel(reason="cometconn: logout() was called, or the client was closed")

    async def _keep(self, session: Session, what: str) -> None:
        """Go on with *session*, and save it unless somebody logs out meanwhile."""
        self.identity.session = session
        try:
            await self.store.save(session, wanted=lambda: self.identity.session is session)
        except StoreError as error:
            self.store.warn(f"{what} is not saved", error)

    def _words(self, error: Exception) -> str:
        return self.identity.secrets.line(error)

    def _enter(self, session: Session, user: User, position: SavedPosition | None, *, reopened: bool) -> None:
        if self.catch_up is not None and self.positions.is_of_another(session.uid):
            self.catch_up.clear()  # the user before was logged out by the server, and was not forgotten
        away = self.positions.take_up(session.uid, position) or reopened
        if self.catch_up is not None and away:
            self.catch_up.reopened(Disconnection(trio.current_time(), lost_error(Reason.CLIENT_CLOSED)))
        self._user = user
        self.identity.session = session
        self.machine.tell(Input.LOGGED_IN)

    def _exit(self, cause: NotLoggedInError, *, forget: bool) -> Link | None:
        """Log out. *forget*: the user is not to be taken up where they were."""
        self._drop_auth_key()
        link = self.machine.unclosed_link
        self.identity.session = self._user = None
        if forget:
            self.positions.forget()
            if self.catch_up is not None:
                self.catch_up.clear()
        self.machine.tell(Input.LOGGED_OUT, cause)
        return link

    def _check_open(self, call: str) -> None:
        if self._left:
            message = f"{call} came after open_client() was left: open a new client."
            raise NotLoggedInError(message)
