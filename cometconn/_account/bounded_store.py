"""Limits the time of a store's calls, and turns their errors into `StoreError`."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

import attrs
import trio

from cometconn._groups import Ungrouped, interrupt_in
from cometconn._network.loop_watch import blocked_time, excused, loop_watch
from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import StoreError

from .file_store import FileStore
from .saved_position import SavedPosition
from .saved_session import SavedSession

if TYPE_CHECKING:
    from .session import Session
    from .store import Store

__all__ = ["BoundedStore"]

_T = TypeVar("_T")
_LOG = logging.getLogger("cometconn")
_AT_LEAST = 2.0  # the least bound of a call in seconds while the client is open, even if close_timeout is less


def _always() -> bool:
    return True


@attrs.define(eq=False)
class BoundedStore:
    """A client's only access to its store, whose code may be the application's: one call at a time, each with a time limit.

    A call that exceeds its limit is cancelled. The time in which the event loop was blocked does not count: a store cannot
    answer then. An exception or a return value that the protocol does not allow becomes a
    `StoreError`. This object remembers what the store should contain, so that `aclose()` can repeat a call that failed.

    A saved session is used only with the servers of its login, because its tokens would otherwise be sent to others. The
    session and the position of other servers count as none, and stay saved until the next login.

    Attributes:
        app_id: the app whose session it is.
        origin: the servers that this client uses.
        close_timeout: the seconds that all calls together may take while the client is being left.
        load_timeout: the seconds that loading may take.
        keeps_positions: whether the store can save positions.
    """

    _store: Store = attrs.field(repr=False)
    app_id: str
    origin: str
    close_timeout: float
    load_timeout: float
    keeps_positions: bool = attrs.field(init=False)
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _scopes: tuple[trio.CancelScope, ...] = attrs.field(default=(), init=False)  # of the calls that run or wait
    _left_at: float = attrs.field(default=math.inf, init=False)
    _blocked_before: float = attrs.field(default=0.0, init=False)  # seconds until the client was left
    _saved: SavedSession | None = attrs.field(default=None, init=False, repr=False)  # what the store should hold
    _position: SavedPosition | None = attrs.field(default=None, init=False)
    _positions_of: str | None = attrs.field(default=None, init=False)  # the uid of the last logged-in user
    _is_unsure: bool = attrs.field(default=False, init=False)  # a save failed: the store may hold other content
    _must_forget: bool = attrs.field(default=False, init=False)  # forgetting failed
    _is_closed: bool = attrs.field(default=False, init=False)
    _has_warned: bool = attrs.field(default=False, init=False)
    _holds_other: bool = attrs.field(default=False, init=False)  # the store holds the session of other servers

    def __attrs_post_init__(self) -> None:
        """Check which of the optional methods the store has."""
        names = ("load_position", "save_position")
        self.keeps_positions = all(callable(getattr(self._store, name, None)) for name in names)

    @property
    def patience(self) -> float:
        """The bound of a call in seconds while the client is open."""
        return max(self.close_timeout, _AT_LEAST)

    async def load(self) -> SavedSession:
        """Load the store and return what it holds for these servers. If that fails or is cancelled, close it.

        A session without an origin, saved by an earlier version, is taken as one of these servers and saved again with
        their name, so that later clients send it to no others. If that save fails, it is a WARNING, and tried again by
        `aclose()`.
        """
        try:
            saved = await self._in_turn("load()", self._load, self.load_timeout, shield=False)
            if self._is_unsure:
                await self._save_origin()
        except BaseException:
            await self.aclose()
            raise
        return saved

    async def save(
        self,
        session: Session | None,
        *,
        is_login: bool = False,
        wanted: Callable[[], bool] = _always,
        within: float | None = None,
    ) -> None:
        """Save *session*; the position of the same user stays.

        Args:
            session: the session to save; `None` if no user is logged in.
            is_login: if saving fails, the store is to hold no session. Otherwise saving is tried again by `aclose()`.
            wanted: called before and after saving; if it returns `False`, the session does not stay saved.
            within: the bound in seconds, instead of `patience`.

        Raises:
            StoreError: the session is not saved, or it is saved but a power cut may undo that.
        """

        async def call() -> None:
            """Save, and undo that if it is no longer wanted."""
            if wanted():
                await self._save(session, is_login=is_login)
            if is_login and not wanted():
                await self._save(None)

        within = self.patience if within is None else within
        end = trio.current_time() - blocked_time() + within
        try:
            await self._in_turn("save()", call, within)
        except StoreError:
            if is_login:
                left = end - (trio.current_time() - blocked_time())
                await self._try(self._in_turn("save()", self._settle, left))
            raise

    async def forget(self, *, within: float | None = None) -> None:
        """Remove the session and the position. If that fails, the `StoreError` states that the session may still be saved."""
        self._must_forget, self._position, self._positions_of = True, None, None
        try:
            await self._in_turn("forget()", self._forget, self.patience if within is None else within)
        except StoreError as error:
            message = (
                f"{error.message} The session may still be saved, with its tokens: "
                "the next open_client() with this store may then be logged in again."
            )
            raise StoreError(message, code=error.code) from error

    @property
    def session(self) -> Session | None:
        """The session that the store should hold; directly after `load()`, the one of these servers that it held."""
        return None if self._saved is None else self._saved.session

    @property
    def position(self) -> SavedPosition | None:
        """The saved position of the user whose session is saved, or `None`. `load()` reads it."""
        uid = None if self._saved is None else self._saved.uid
        return self._position if self._position is not None and self._position.uid == uid else None

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Save the position, unless its user has logged out in the meantime.

        If the server has logged the user out, positions are still saved: messages may be acknowledged afterwards.

        Raises:
            StoreError: the position is not saved, or this store keeps no positions.
        """

        async def call() -> None:
            """Save, if the position belongs to the last logged-in user."""
            if self._positions_of == saved.uid:
                await self._store.save_position(saved, durable=durable)  # type: ignore[attr-defined]
                self._position = saved
                self._has_warned = False

        self.check_positions()
        await self._in_turn("save_position()", call, self.patience)

    def check_positions(self) -> None:
        """Raise `StoreError` if the store keeps no positions."""
        if not self.keeps_positions:
            message = f"The store ({type(self._store).__name__}) keeps no positions: it has no save_position()."
            raise StoreError(message)

    def leave(self) -> None:
        """Bound all calls from now on to `close_timeout` together, because the client is being left. Idempotent."""
        if self._left_at == math.inf:
            self._left_at, self._blocked_before = trio.current_time(), blocked_time()
        for scope in self._scopes:
            scope.deadline = min(scope.deadline, self._ends_at)

    @property
    def _ends_at(self) -> float:
        if self._left_at == math.inf:
            return math.inf
        return self._left_at + self.close_timeout + blocked_time() - self._blocked_before

    async def aclose(self) -> None:
        """Close the store, after the call that is running. Never raises, idempotent.

        Takes at most `close_timeout`, counted from `leave()`. Nothing is saved afterwards.
        """
        if not self._is_closed:
            self._is_closed = True
            with loop_watch():
                self.leave()
                await self._close()

    async def _close(self) -> None:
        with trio.CancelScope(deadline=self._ends_at, shield=True):
            await self._acquire()
        try:
            await self._try(self._bounded("save()", self._settle, self._ends_at))
            close = getattr(self._store, "aclose", None)
            if callable(close):
                await self._try(self._bounded("aclose()", close, self._ends_at))
        finally:
            if self._lock.statistics().owner is trio.lowlevel.current_task():
                self._lock.release()

    def warn(self, what: str, error: StoreError) -> None:
        """Log that *what* failed in a background task: once as a WARNING until a save succeeds, else at DEBUG."""
        is_known = self._has_warned or self._is_closed
        _LOG.log(logging.DEBUG if is_known else logging.WARNING, "%s: %s", what, error)
        self._has_warned = True

    async def _load(self) -> SavedSession:
        saved = await self._store.load(self.app_id)
        if not isinstance(saved, SavedSession) or saved.app_id != self.app_id:
            self._refuse("load()", saved, f"a SavedSession of the app {self.app_id}")
        saved = SavedSession.from_text(saved.to_text())  # validates each value
        position = None
        if self.keeps_positions:
            position = await self._store.load_position()  # type: ignore[attr-defined]
            if position is not None:
                if not isinstance(position, SavedPosition) or position.app_id != self.app_id:
                    self._refuse("load_position()", position, f"None or a SavedPosition of the app {self.app_id}")
                position = SavedPosition.from_text(position.to_text())
        if saved.origin not in {None, self.origin}:
            self._leave_aside(saved)
            saved, position, self._holds_other = saved.logged_out(), None, True
        self._is_unsure = saved.origin is None and saved.session is not None
        self._saved = saved = saved if saved.origin == self.origin else attrs.evolve(saved, origin=self.origin)
        self._position, self._positions_of = position, saved.uid
        return saved

    async def _save_origin(self) -> None:
        try:
            await self._in_turn("save()", self._settle, self.patience, shield=False)
        except StoreError as error:
            self.warn("Which servers the saved session belongs to is not saved", error)

    def _leave_aside(self, saved: SavedSession) -> None:
        """Log that the session of other servers is not used."""
        if saved.session is not None:
            masked = KnownSecrets(saved.session.auth_token, saved.session.jwt).masked_line
            name = repr(self._store) if isinstance(self._store, FileStore) else type(self._store).__name__
            _LOG.warning(
                "The session of %s that is saved in %s belongs to %s, and this client uses %s: nothing of it is sent "
                "there, and no user is logged in. It stays saved until the next login replaces it.",
                *map(masked, (repr(saved.session.uid), name, saved.origin, self.origin)),
            )

    async def _save(self, session: Session | None, *, is_login: bool = False) -> None:
        assert self._saved is not None, "load() comes first"
        if self._holds_other and session is None:
            return  # a login was cancelled before it was saved
        saved = attrs.evolve(self._saved, session=session)
        position = self._position
        if self._must_forget or self._holds_other or (position is not None and saved.uid not in {None, position.uid}):
            await self._forget()
        self._saved, self._is_unsure = saved.logged_out() if is_login else saved, True
        await self._store.save(saved)
        self._saved, self._is_unsure, self._has_warned = saved, False, False
        self._positions_of = saved.uid or self._positions_of

    async def _forget(self) -> None:
        assert self._saved is not None, "load() comes first"
        self._saved, self._position, self._must_forget = self._saved.logged_out(), None, True
        self._holds_other = False
        await self._store.forget()
        self._must_forget = self._is_unsure = False

    async def _settle(self) -> None:
        """Retry the call that failed, so that the store holds what it should."""
        if self._must_forget:
            await self._forget()
        elif self._is_unsure and self._saved is not None:
            await self._save(self._saved.session)

    async def _try(self, call: Awaitable[object]) -> None:
        try:
            await call
        except StoreError as error:
            _LOG.debug("%s", error)

    async def _in_turn(self, what: str, call: Callable[[], Awaitable[_T]], within: float, *, shield: bool = True) -> _T:
        async def in_turn() -> _T:
            await self._acquire()
            try:
                if self._is_closed:
                    message = f"{what}: the client was left, nothing is saved any more."
                    raise StoreError(message)
                return await call()
            finally:
                self._lock.release()

        return await self._bounded(what, in_turn, min(trio.current_time() + within, self._ends_at), shield=shield)

    async def _acquire(self) -> None:
        try:
            self._lock.acquire_nowait()  # no pass of the scheduler, as a rule
        except trio.WouldBlock:
            pass
        else:
            return
        with Ungrouped():  # Trio's lock waits inside an `except WouldBlock`, which would become an error's context
            await self._lock.acquire()

    async def _bounded(
        self, what: str, call: Callable[[], Awaitable[_T]], deadline: float, *, shield: bool = True
    ) -> _T:
        """Call the store. Any failure, and exceeding the *deadline*, raises `StoreError`."""
        scope = trio.CancelScope(deadline=deadline, shield=shield)
        self._scopes += (scope,)
        try:
            with scope, excused(scope):
                return await call()
        except (StoreError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except trio.Cancelled:
            if trio.current_effective_deadline() == -math.inf:
                raise
            error: BaseException = RuntimeError("a Cancelled that belongs to no enclosing scope")
        except BaseException as raised:  # noqa: BLE001 - a program's own store may raise anything
            error = interrupt_in(raised) or raised
        else:
            message = f"The store ({type(self._store).__name__}) did not answer in time: {what} was cancelled."
            raise StoreError(message)
        finally:
            self._scopes = tuple(other for other in self._scopes if other is not scope)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        raise self._failed(what, error)

    def _failed(self, what: str, error: BaseException) -> StoreError:
        try:
            text = str(error)
        except Exception:  # noqa: BLE001 - as above
            text = ""
        session = self.session
        secrets = KnownSecrets() if session is None else KnownSecrets(session.auth_token, session.jwt)
        text = secrets.masked_line(text)
        made = StoreError(f"The store ({type(self._store).__name__}) failed in {what}: {type(error).__name__}: {text}")
        made.__cause__ = secrets.error(error) if isinstance(error, Exception) else error
        return made

    def _refuse(self, what: str, value: object, wanted: str) -> NoReturn:
        name = type(self._store).__name__
        message = f"The store ({name}) failed in {what}: it returned {type(value).__name__} instead of {wanted}."
        raise StoreError(message)
