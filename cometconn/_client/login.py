"""Logging in and out: the REST calls, the saved session, and what follows from them for the connection."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.kept_connections import keeping_connections
from cometconn._connection.disconnection import Disconnection
from cometconn._connection.failures import lost_error
from cometconn._groups import ShortTraceback
from cometconn._lifecycle.states import Input, State
from cometconn._network.loop_watch import blocked_time
from cometconn.errors import CometConnError, LoginInProgressError, NotLoggedInError, StoreError
from cometconn.status import Reason

from .login_checks import check_arguments, user_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.api import Api
    from cometconn._account.bounded_store import BoundedStore
    from cometconn._account.saved_position import SavedPosition
    from cometconn._account.session import Session
    from cometconn._connection.admission import Admission
    from cometconn._connection.catch_up import CatchUp
    from cometconn._connection.identity import Identity
    from cometconn._connection.link import Link
    from cometconn._connection.machine import Machine
    from cometconn._connection.position import PositionKeeper
    from cometconn.events import User

    from .renewal import SessionRenewal

__all__ = ["Login"]

_LOG = logging.getLogger("cometconn")


@attrs.define(eq=False)
class Login:
    """Logs users in and out, and takes up the session that was saved.

    Attributes:
        api: CometChat's REST API.
        store: where the session is saved.
        identity: holds the session and the user.
        machine: gets the inputs LOGGED_IN and LOGGED_IN_AGAIN.
        renewal: logs out, and keeps the auth key, should the server no longer know the saved token.
        positions: takes up and forgets the user's position.
        catch_up: begins anew with another user; `None` without `AppSettings.catch_up`.
        admission: is awaited before the first request of a login.
    """

    api: Api
    store: BoundedStore
    identity: Identity
    machine: Machine
    renewal: SessionRenewal
    positions: PositionKeeper
    catch_up: CatchUp | None
    admission: Admission
    _running: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)

    def logged_in(self, call: str) -> Session:
        """Return the session for *call*; `NotLoggedInError` when there is none, or the client was left."""
        self._check_open(call)
        return self.identity.logged_in(call)

    def reopen(self, session: Session, position: SavedPosition | None) -> None:
        """Take up a saved session and its position. No request."""
        self._enter(session, user_of(session), position, reopened=True)

    def leave(self) -> None:
        """End a `login()` that is under way: the client is being left."""
        self.renewal.cancel()
        if self._running is not None:
            self._running.cancel(reason="cometconn: the client was closed")

    @trio.lowlevel.enable_ki_protection
    def login(self, uid: str | None, auth_key: str | None, auth_token: str | None) -> Callable[[], Awaitable[User]]:
        """Begin to log in, and return the wait for the user; see `CometChat.login`."""
        check_arguments(uid, auth_key, auth_token)
        self._check_open("login()")
        if self._running is not None:
            message = "login() was called while another login() of this client is running: await that one first."
            raise LoginInProgressError(message)
        if self.renewal.is_replacing:
            message = (
                "login() was called while the client logs in anew, because the saved token is unknown: try again later."
            )
            raise LoginInProgressError(message)
        session, user = self.identity.session, self.identity.user
        self.renewal.key.drop()
        if session is not None and user is not None and (uid == session.uid or auth_token == session.auth_token):
            if auth_key is not None:
                self.renewal.key.keep(auth_key)
            self.machine.apply(Input.LOGGED_IN_AGAIN)
            return partial(_return_after_checkpoint, user)
        another = session is not None
        if another:
            self._exit(NotLoggedInError("login() of another user was called."))
        self._running = scope = trio.CancelScope()
        return partial(self._log_in, uid, auth_key, auth_token, scope, forget=another)

    @trio.lowlevel.enable_ki_protection
    async def _log_in(
        self, uid: str | None, auth_key: str | None, auth_token: str | None, scope: trio.CancelScope, *, forget: bool
    ) -> User:
        patience = self.store.patience
        with scope, ShortTraceback():
            try:
                if forget:
                    began = trio.current_time() - blocked_time()
                    await self.store.forget()
                    patience = max(0.0, began + patience - (trio.current_time() - blocked_time()))
                return await self._request(uid, auth_key, auth_token, scope, patience)
            finally:
                self._running = None
        message = "login() was ended by logout(), or by leaving the client."
        raise NotLoggedInError(message)

    async def _request(
        self, uid: str | None, auth_key: str | None, auth_token: str | None, scope: trio.CancelScope, patience: float
    ) -> User:
        await self.admission.wait()
        if scope.cancel_called:
            await trio.lowlevel.checkpoint()
        async with keeping_connections():
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
        self.renewal.key.token_accepted()
        self._enter(session, user, self.store.position, reopened=False)
        return user

    @trio.lowlevel.enable_ki_protection
    def logout(self) -> Callable[[], Awaitable[None]]:
        """Log out in this client, and return the wait for the rest; see `CometChat.logout`."""
        if self._running is not None:
            self._running.cancel(reason="cometconn: logout() was called")
            return trio.lowlevel.checkpoint
        session = self.logged_in("logout()")
        link = self._exit(NotLoggedInError("logout() was called."))
        return partial(self._finish_logout, session, link)

    @trio.lowlevel.enable_ki_protection
    async def _finish_logout(self, session: Session, link: Link | None) -> None:
        errors: list[CometConnError] = []
        ends = trio.current_time() - blocked_time() + self.store.patience
        try:
            await self.store.forget()
        except StoreError as error:
            errors.append(error)
        # Where this call is cancelled already, the request is made all the same, with what the store has left of the time
        # that a cancelled call may take.
        is_cancelled = trio.current_effective_deadline() == -math.inf
        patience = ends - (trio.current_time() - blocked_time()) if is_cancelled else math.inf
        try:
            with trio.move_on_after(max(0.0, patience), shield=is_cancelled):
                await self.api.delete_me(session)
        except CometConnError as error:
            errors.append(error)
        if link is not None:
            await link.wait_closed()
        for other in errors[1:]:
            _LOG.warning("logout() failed in more than one way: %s", other)
        if errors:
            raise errors[0].with_traceback(None)

    def _enter(self, session: Session, user: User, position: SavedPosition | None, *, reopened: bool) -> None:
        if self.catch_up is not None and self.positions.is_of_another(session.uid):
            self.catch_up.clear()  # the server had logged the user before out, so they were not forgotten then
        away = self.positions.take_up(session.uid, position) or reopened
        if not away:
            self.machine.forget_disconnection()
        if self.catch_up is not None and away:
            self.catch_up.reopened(Disconnection(trio.current_time(), lost_error(Reason.CLIENT_CLOSED)))
        self.identity.session, self.identity.user = session, user
        self.machine.apply(Input.LOGGED_IN)

    def _exit(self, cause: NotLoggedInError) -> Link | None:
        """Log out, and forget how far the user's messages are handled. Return the link that is being closed."""
        link = self.machine.unclosed_link
        self.positions.forget()
        if self.catch_up is not None:
            self.catch_up.clear()
        self.renewal.log_out(cause)
        return link

    def _check_open(self, call: str) -> None:
        self.machine.tick()
        if self.machine.state is State.CLIENT_CLOSED:
            message = f"{call} came after open_client() was left: open a new client."
            raise NotLoggedInError(message)


async def _return_after_checkpoint(user: User) -> User:
    await trio.lowlevel.checkpoint()
    return user
