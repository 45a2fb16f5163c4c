"""Runs one owned account: its client, its login and its handler, from the claim to the end of the ownership."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs
import trio

import cometconn
from cometconn import CometChat, Connected, Disconnected, Reason, Waiting
from cometconn._account.api import is_refusal
from cometconn._groups import interrupt_in, open_nursery
from cometconn.errors import ApiError, CometConnError, NotLoggedInError, SettingsError, StoreError
from cometconn.events import Gap

from .changes import HandlerFailed, Parked, Rewound
from .engine_store import OTHER_USER, EngineStore, OwnedSession
from .errors import FleetError
from .log_writer import AccountLog
from .owned import Owned
from .settings import Credentials
from .tenure import LoginFunction, Tenure
from .values import Account, Claimed, Fenced, OwnerWord
from .values import Rewound as RewoundResult

__all__ = ["Ownership"]

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")
_LOG = logging.getLogger("cometconn.fleet")
_TOKEN_UNKNOWN = "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"  # noqa: S105 - an error code
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 30.0  # seconds until a login is tried again
_GIVEN_BACK = frozenset({"share", "drain"})  # reasons for which the lease lasts until the account is released
_MOST_FETCHES = 10  # times that a client is opened again because it could not fetch what it has missed: about 5 minutes
_LONGEST_PAUSE = 60.0  # seconds until a handler that raised is called again


@attrs.define(eq=False)
class Ownership:
    """One account that a worker owns, from the claim to its end. Its task never raises.

    Attributes:
        account: the account.
        tenure: the lease in which it was claimed.
        log: what is known of its log.
        session: its session.
        ended_because: why the ownership is over; `None` while it lasts.
        ended_at: when it ended, on Trio's clock.
        parked: the reason with which the account is to be parked, if it is.
        is_starting: whether the client has not finished its first attempt to connect yet.
        is_connected: whether the client is connected.
    """

    account: Account
    tenure: Tenure
    log: AccountLog
    session: OwnedSession
    _free_since: float | None = attrs.field(repr=False)
    _on_started: Callable[[], object] = attrs.field(repr=False)
    _on_ended: Callable[[Ownership], object] = attrs.field(repr=False)
    ended_because: str | None = attrs.field(default=None, init=False)
    ended_at: float = attrs.field(default=0.0, init=False)
    parked: str | None = attrs.field(default=None, init=False)
    is_starting: bool = attrs.field(default=True, init=False)
    is_connected: bool = attrs.field(default=False, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False, repr=False)
    _client: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False, repr=False)
    _serving: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False, repr=False)
    _chat: CometChat | None = attrs.field(default=None, init=False, repr=False)
    _has_logged_in_again: bool = attrs.field(default=False, init=False)
    _must_save: bool = attrs.field(default=False, init=False)
    _looked_at: float = attrs.field(default=0.0, init=False)  # on Trio's clock, since it has ended
    _looks: int = attrs.field(default=0, init=False)
    _failed_fetches: int = attrs.field(default=0, init=False)
    _pause: float = attrs.field(default=0.0, init=False)

    @classmethod
    def of(
        cls,
        account: Account,
        claimed: Claimed,
        tenure: Tenure,
        free_since: float,
        on_started: Callable[[], object],
        on_ended: Callable[[Ownership], object],
    ) -> Ownership:
        """Return the ownership that a claim has begun, of an account without an owner since *free_since* on Trio's clock.

        *on_started* is called when `is_starting` becomes `False`, and *on_ended* when the task has ended.
        """
        log = AccountLog(account.uid, claimed.word, claimed.position, lambda _: None)
        session = OwnedSession.of(claimed, tenure.connection.app_id)
        owned = cls(account, tenure, log, session, free_since, on_started, on_ended)
        log.on_end = owned._refused
        return owned

    @property
    def word(self) -> OwnerWord:
        """The proof of ownership."""
        return self.log.word

    def end(self, reason: str, *, parked: str | None = None) -> None:
        """End the ownership: the socket is closed and the handler cancelled in this step. Idempotent.

        An account that is given back keeps its client for `close_timeout`, so that a request in a shielded part of the
        handler, such as an answer, is finished rather than made again by the next owner.
        """
        why = f"cometconn: the ownership of the account ended ({reason})"
        if self.ended_because is not None:
            if reason not in _GIVEN_BACK:
                self._scope.cancel(reason=why)
            return
        self.ended_because, self.ended_at, self.parked = reason, trio.current_time(), parked
        self._looked_at = self.ended_at
        if self._chat is not None:
            self._chat.enter_background()  # the close frame leaves in this step
            if reason in _GIVEN_BACK and not self.tenure.lease.is_over:
                self._scope.deadline = self.ended_at + self.tenure.options.settings.timing.close_timeout
                self._serving.cancel(reason=why)
                return
        self._scope.cancel(reason=why)

    def is_stuck(self, patience: float, every: float) -> bool:
        """Return whether it has ended, but its task goes on after *patience* seconds.

        Called at each tick. The time is counted in ticks, which come when the event loop lets them: one that is late
        delays the task, too.
        """
        if self.ended_because is None:
            return False
        if trio.current_time() - self._looked_at > 0.9 * every:
            self._looked_at = trio.current_time()
            self._looks += 1
        return self._looks * every > patience

    def _is_over(self) -> bool:
        return self.ended_because is not None

    def _fetchable_since(self) -> float | None:
        return None if self._chat is None else self._chat._core.positions.fetchable_since()  # noqa: SLF001 - no call of programs

    def _park(self, reason: str) -> None:
        if self.ended_because is None:
            _LOG.warning("The account %r is parked: %s", self.account.uid, reason)
            self.tenure.counters.parked += 1
            self.tenure.changes.publish(Parked(at=trio.current_time(), uid=self.account.uid, reason=reason))
            self.end("parked", parked=reason)

    def _refused(self, result: Fenced | RewoundResult) -> None:
        """Note that the engine takes no appends of this log."""
        if isinstance(result, Fenced):
            self.end("fenced")
        elif self.ended_because is None:
            old = self.log
            _LOG.warning("The engine has forgotten events of %r: they are fetched again.", old.uid)
            self.tenure.counters.rewound += 1
            self.tenure.changes.publish(Rewound(at=trio.current_time(), uid=old.uid, position=result.position))
            self.log = AccountLog(
                old.uid, old.word, result.position, self._refused, after=result.sequence, sequence=old.sequence
            )
            self._must_save = True
            if self._chat is not None:
                self._chat.enter_background()
            self._client.cancel(reason="cometconn: the engine has forgotten events of this account")

    def _fetches_again(self, gap: Gap) -> bool:
        """Return whether what was missed is fetched by a new client, because fetching it has failed for a passing reason.

        Otherwise the position would move behind messages that the next owner would have to fetch. The account has no
        socket meanwhile: a connection for each account, every few seconds, would use up the rate limit of the fleet.
        """
        if gap.recovered:
            self._failed_fetches = 0
        passes = gap.recovered is False and isinstance(gap.cause, ApiError) and gap.cause.worth_retrying
        if not passes or self._chat is None or self._failed_fetches >= _MOST_FETCHES:
            return False
        self._pause = min(_LONGEST_DELAY, _FIRST_DELAY * 2**self._failed_fetches)
        self._failed_fetches += 1
        _LOG.warning(
            "The missed messages of %r cannot be fetched yet; it is tried again in %g s: %s",
            self.account.uid,
            self._pause,
            gap.cause,
        )
        self._chat.enter_background()
        self._client.cancel(reason="cometconn: what the account has missed cannot be fetched yet")
        return True

    # The task.

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Run the client until the ownership ends; open it again whenever the engine has forgotten something."""
        try:
            with self._scope:
                for failures in itertools.count():
                    with trio.CancelScope() as self._client:
                        await self._open()
                        # Only a client that could not be opened comes here.
                        await trio.sleep(min(_LONGEST_DELAY, _FIRST_DELAY * 2**failures))
                    pause, self._pause = self._pause, 0.0
                    await trio.sleep(pause)
            if not self.tenure.lease.is_over:
                # Appends that are under way are for the next owner to find, rather than to fetch again.
                with trio.move_on_after(self.tenure.options.settings.timing.close_timeout):
                    await self.log.wait_quiet()
        finally:
            self.is_starting = self.is_connected = False
            self._on_ended(self)

    async def _open(self) -> None:
        options = self.tenure.options
        store = EngineStore(self.tenure.connection, self.tenure.writer, self.log, self.session, self._fetchable_since)
        try:
            async with cometconn.open_client(
                options.app_id, options.settings, store=store, admission=self.tenure.governor.admit, **options.client
            ) as chat:
                self._chat = chat
                try:
                    with trio.CancelScope() as self._serving:
                        async with open_nursery() as nursery:
                            nursery.start_soon(self._watch, chat, nursery)
                            await self._serve(chat, store)
                finally:
                    self._chat, self.is_connected = None, False
                if self.ended_because is not None:
                    self._scope.cancel(reason="cometconn: the handler has ended")
        except SettingsError as error:
            self._park(f"The client cannot be opened: {error}")
        except CometConnError as error:
            _LOG.warning("The client of %r cannot be opened: %s", self.account.uid, error)

    async def _serve(self, chat: CometChat, store: EngineStore) -> None:
        if self._must_save:
            try:
                await store.save_again()
            except FleetError as error:
                _LOG.warning("The session of %r is not saved: %s", self.account.uid, error)
            self._must_save = False
        if chat.get_logged_in_user() is None:
            await self._log_in(chat)
        await self._handle(Owned(self.account, chat, self.log, self.tenure.writer, self._is_over, self._fetches_again))

    @trio.lowlevel.enable_ki_protection
    async def _watch(self, chat: CometChat, nursery: trio.Nursery) -> None:
        async with chat.statuses() as changes:
            async for change in changes:
                status = change.current
                self.is_connected = isinstance(status, Connected)
                if self.is_connected:
                    self._has_logged_in_again = False
                    self._note_takeover()
                    self._started()
                elif isinstance(status, Waiting):
                    self._started()
                    await self.tenure.governor.note_failure(status.cause)
                elif isinstance(status, Disconnected):
                    self._disconnected(chat, status, nursery)

    def _disconnected(self, chat: CometChat, status: Disconnected, nursery: trio.Nursery) -> None:
        cause = status.cause
        if status.reason is Reason.AUTHENTICATION_FAILED:
            self._park(f"AUTHENTICATION_FAILED: {cause}")
        elif status.reason is Reason.LOGGED_OUT:
            unknown = isinstance(cause, NotLoggedInError) and cause.code == _TOKEN_UNKNOWN
            if not unknown or self._has_logged_in_again or self.tenure.options.login is None:
                self._park(f"LOGGED_OUT: {cause}")
            else:
                self._has_logged_in_again = True
                nursery.start_soon(self._log_in, chat)
        elif status.reason is Reason.DISCONNECT_CALLED:
            self._started()

    def _note_takeover(self) -> None:
        if self._free_since is not None:
            self.tenure.counters.takeover_seconds.add(trio.current_time() - self._free_since)
            self._free_since = None

    def _started(self) -> None:
        if self.is_starting:
            self.is_starting = False
            self._on_started()

    # Login.

    @trio.lowlevel.enable_ki_protection
    async def _log_in(self, chat: CometChat) -> None:
        """Log in, with growing delays while that fails for a passing reason; park the account if it was refused."""
        login = self.tenure.options.login
        if login is None:
            self._park("There is no saved session, and open_worker() was given no login=.")
            await trio.sleep_forever()
            return
        for failures in itertools.count():
            error = await self._try_to_log_in(chat, login)
            if error is None:
                return
            if (reason := _reason_to_park(error)) is not None:
                self._park(f"The login was refused: {reason}")
                await trio.sleep_forever()
            _LOG.warning("The login of %r failed and is tried again: %s", self.account.uid, error)
            self._started()
            await self.tenure.governor.note_failure(error)
            asked = error.retry_after if isinstance(error, ApiError) else None
            await trio.sleep(max(asked or 0.0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**failures)))

    async def _try_to_log_in(self, chat: CometChat, login: LoginFunction) -> Exception | None:
        try:
            credentials = await trio.lowlevel.disable_ki_protection(_call)(login, self.account)
            if not isinstance(credentials, Credentials):
                message = f"login= must return Credentials(...), not {type(credentials).__name__}."
                raise SettingsError(message)  # noqa: TRY301 - handled like any other failure of this login
            if credentials.auth_token is not None:
                await chat.login(auth_token=credentials.auth_token)
            else:
                await chat.login(uid=self.account.uid, auth_key=credentials.auth_key)
        except Exception as error:  # noqa: BLE001 - a program's own function may raise anything
            if (interrupt := interrupt_in(error)) is not None:
                raise interrupt from None
            return error
        return None

    # The handler.

    async def _handle(self, owned: Owned) -> None:
        pause = 1.0
        while True:
            began, error = trio.current_time(), None
            try:
                await trio.lowlevel.disable_ki_protection(_call)(self.tenure.options.run, owned)
            except Exception as raised:  # noqa: BLE001 - one account's handler must not end the others
                error = raised
            if self.ended_because is not None or self._client.cancel_called or self.tenure.lease.is_over:
                await trio.sleep_forever()  # cancelled: what the handler did with that does not matter
            if trio.current_time() - began > _LONGEST_PAUSE:
                pause = 1.0
            what = "has returned" if error is None else "has failed"
            _LOG.error(
                "The handler of %r %s; it is called again in %g s.", owned.account.uid, what, pause, exc_info=error
            )
            self.tenure.counters.handler_failures += 1
            self.tenure.changes.publish(
                HandlerFailed(at=trio.current_time(), uid=owned.account.uid, error=error, retry_in=pause)
            )
            await trio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)


async def _call(function: Callable[[_Given], Awaitable[_Result]], argument: _Given) -> _Result:
    """Call a function of the program, in which Ctrl-C may raise."""
    return await function(argument)


def _reason_to_park(error: Exception) -> str | None:
    """Return why no further login can succeed; `None` if one may."""
    if isinstance(error, SettingsError) or (isinstance(error, StoreError) and error.code == OTHER_USER):
        return str(error)
    return str(error) if isinstance(error, ApiError) and is_refusal(error) else None
