"""The store of an owned account: its session is in the engine, and its position is that of its log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import final

import attrs
import trio

from cometconn.errors import StoreError
from cometconn.stores import SavedPosition, SavedSession

from .checks import is_before
from .engine import EngineConnection
from .errors import FencedError
from .log_writer import AccountLog, LogWriter
from .values import Claimed, Fenced, LogEvent, Save

__all__ = ["OTHER_USER", "EngineStore", "OwnedSession"]

OTHER_USER = "OTHER_USER"
"""The code of the `StoreError` of a login whose token is that of another user."""

_SCHEMA = 1


@attrs.define(eq=False)
class OwnedSession:
    """The session of an account, as its owner knows it. It outlives the client, which may be opened again.

    Attributes:
        saved: the session; `None` when there is none, or when it cannot be read.
        since: where catching up begins while there is no position, in seconds since 1970 on CometChat's clock.
        revision: of the last save that was made or tried.
        forgets_position: whether the next save has to forget the position of the log: it is that of other servers.
    """

    saved: SavedSession | None = attrs.field(default=None, repr=False)
    since: float | None = None
    revision: int = 0
    forgets_position: bool = False

    @classmethod
    def of(cls, claimed: Claimed, app_id: str) -> OwnedSession:
        """Return what the engine had when the account was claimed. A session of another app or user counts as none."""
        owned = cls(revision=claimed.session_revision)
        if claimed.session is None:
            return owned
        try:
            content = json.loads(claimed.session)
            saved, since = SavedSession.from_text(content["session"]), content["since"]
        except (KeyError, TypeError, ValueError, RecursionError):
            return owned
        if saved.app_id == app_id and saved.uid in {None, claimed.key}:
            owned.saved = saved
            owned.since = float(since) if isinstance(since, int | float) else None
        return owned

    def to_bytes(self) -> bytes | None:
        """Return what the engine keeps."""
        if self.saved is None:
            return None
        return json.dumps({"schema": _SCHEMA, "session": self.saved.to_text(), "since": self.since}).encode()


@final
@attrs.frozen(eq=False)
class EngineStore:
    """A `cometconn.stores.Store`. Every write shows the owner word, so a stale owner can change nothing (F7).

    The client's own position is not saved as it is (F11): it becomes an append of that message id, without an entry.

    Attributes:
        connection: to the engine.
        writer: makes the appends.
        log: of the account.
        owned: the session in memory.
        fetchable_since: returns from when on CometChat's messages can be fetched, if that is known: see `OwnedSession`.
    """

    connection: EngineConnection
    writer: LogWriter
    log: AccountLog
    owned: OwnedSession
    fetchable_since: Callable[[], float | None]

    async def load(self, app_id: str) -> SavedSession:
        """Return what was in the engine when the account was claimed, or a later session of the same owner."""
        await trio.lowlevel.checkpoint()
        return self.owned.saved or SavedSession.new(app_id)

    async def save(self, saved: SavedSession) -> None:
        """Save the session in the engine. Raises `StoreError` with the code `OTHER_USER` if it is not of this account.

        A session of other servers than the last one makes the engine forget the position. With a first session, where catching up begins is saved in the same step. So a worker may die at any time after the
        login, also while the engine is unreachable, and the next owner fetches what was sent since.
        """
        if saved.uid not in {None, self.log.uid}:
            message = f"The token that `login` returned for {self.log.uid!r} is that of another user."
            raise StoreError(message, code=OTHER_USER)
        before, self.owned.saved = self.owned.saved, saved
        if before is not None and before.origin not in {None, saved.origin}:
            # The ids of these servers have nothing to do with those of the others.
            self.owned.since, self.owned.forgets_position = None, True
            self.log.position = self.log.queued = None
        if saved.uid is not None and self.owned.since is None:
            self.owned.since = self.fetchable_since()
        await self._put()

    async def forget(self) -> None:
        """Remove the session. The position stays, for it is the log's."""
        if self.owned.saved is not None:
            self.owned.saved = self.owned.saved.logged_out()
        await self._put()

    async def load_position(self) -> SavedPosition | None:
        """Return the position of the log."""
        await trio.lowlevel.checkpoint()
        if self.log.position is None and self.owned.since is None:
            return None
        return SavedPosition(self.connection.app_id, self.log.uid, self.owned.since, self.log.position)

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Append the position, if it is beyond what the log has or is about to have.

        If the login was without a `Date`, where catching up begins is only known now, and saved.

        Once the ownership is over, or the engine has forgotten something, nothing is saved: the position is that of the
        engine then.
        """
        if self.log.has_ended or self.writer.lease.is_over:
            await trio.lowlevel.checkpoint()
            return
        if saved.since is not None and self.owned.since is None:
            self.owned.since = saved.since
            try:
                await self._put()
            except BaseException:
                self.owned.since = None  # tried again with the next save
                raise
        number = saved.message_id
        if number is not None and is_before(self.log.queued, number):
            await self.writer.append(self.log, [LogEvent(number, None)])

    async def save_again(self) -> None:
        """Save what is known, because the engine may have forgotten it. Raises `EngineError` or `FencedError`."""
        await self._put()

    async def _put(self) -> None:
        self.writer.lease.check()
        self.log.check()
        self.owned.revision += 1
        forgets = self.owned.forgets_position
        save = Save(self.log.uid, self.log.word, self.owned.to_bytes(), self.owned.revision, forgets)
        (result,) = await self.connection.save([save])
        if isinstance(result, Fenced):
            raise self._fenced(result)
        if result.revision > self.owned.revision:
            message = "A later session of the same account is saved."
            raise StoreError(message)
        self.owned.forgets_position = False

    def _fenced(self, result: Fenced) -> FencedError:
        self.log.take(result)
        message = f"{self.log.uid!r} belongs to another owner now."
        return FencedError(message)
