"""The position, up to which every message is acknowledged: restored from the store, and saved as it moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._account.pages import Cursor
from cometconn._account.saved_position import SavedPosition
from cometconn._streams.position import NOWHERE
from cometconn.errors import StoreError

if TYPE_CHECKING:
    from cometconn._account.api import Api
    from cometconn._account.bounded_store import BoundedStore
    from cometconn._streams.streams import Streams

    from .identity import Identity

__all__ = ["CLOCKS_DIFFER", "PositionKeeper"]

_SOON = 0.05  # seconds until a save, which is then for all of a burst; the first one does not wait
_EVERY = 0.4  # seconds from one save to the next: the position is saved at most 0.5 s after it moved
_AFTER_FAILURE = 5.0  # seconds until the next save after a store has failed
CLOCKS_DIFFER = 2.0
"""Seconds: the server's times are whole seconds, and those of a message and of `Date` may differ by one more."""


@attrs.define(eq=False)
class PositionKeeper:
    """Saves the position of the logged-in user, apart from the session. It has a task only while a save is due.

    Attributes:
        identity: the user.
        streams: have the position.
        store: where the position is saved.
        api: has the `Date` of the last REST response.
        catches_up: missed messages are fetched, so the position does not pass them.
        given: the position that `open_client()` was given, for the first user only.
        nursery: the client's, in which the saving task runs.
    """

    identity: Identity
    streams: Streams
    store: BoundedStore
    api: Api
    catches_up: bool
    given: int | None
    nursery: trio.Nursery = attrs.field(repr=False)
    _since: float | None = attrs.field(default=None, init=False)
    _uid: str | None = attrs.field(default=None, init=False)  # the user whose messages the streams know
    _saved: SavedPosition | None = attrs.field(default=None, init=False)
    _durable: bool = attrs.field(default=True, init=False)  # what is saved has been through an fsync
    _not_before: float = attrs.field(default=-math.inf, init=False)  # the time of the next save, on Trio's clock
    _left: bool = attrs.field(default=False, init=False)

    def begin(self) -> None:
        """Save the position from now on, whenever it moves."""
        self.streams.when_moved(self._start_saving)

    def take_up(self, uid: str, saved: SavedPosition | None) -> bool:
        """Begin with the messages of *uid*, at the *saved* position.

        Return whether messages may have been missed before the first connection. Nothing changes for a user who was
        logged out only because the server no longer knew the token.
        """
        given, self.given = self.given, None
        if self._uid == uid and given is None:
            return True
        self.streams.forget()
        self._uid, self._saved, self._since, self._durable = uid, saved, None, True
        if given is not None:
            saved = SavedPosition(self.identity.app_id, uid, None, given)
        if saved is None:
            return False
        self._since = saved.since
        self.streams.resume(saved.message_id, saved.acknowledged)
        if self.catches_up:
            self.streams.unfetched_after = NOWHERE if saved.message_id is None else saved.message_id
        return True

    def is_of_another(self, uid: str) -> bool:
        """Return whether the streams know the messages of another user than *uid*."""
        return self._uid not in {None, uid}

    def forget(self) -> None:
        """Forget the user. The store forgets what is saved by itself."""
        self._uid = self._saved = self._since = None
        self.streams.forget()

    def connected(self, response_date: float | None) -> None:
        """Note that the client is authenticated. The first time decides from when on messages can be fetched.

        *response_date*: the `Date` of the answer to the upgrade, in seconds since 1970.
        """
        if self._since is None:
            self._since = self.fetchable_since(response_date)
            if self._since is not None:
                self.streams.moved()

    def fetchable_since(self, response_date: float | None = None) -> float | None:
        """Return a time on the server's clock from which on all messages that are sent after this call can be fetched.

        `None` while no response had a `Date`. *response_date* is that of an answer outside of the REST API.
        """
        date = response_date if response_date is not None else self.api.response_date
        return None if date is None else date - CLOCKS_DIFFER

    def start(self) -> Cursor | None:
        """Return where fetching begins: behind the position, or else at the time of the first connection."""
        position = self.streams.position
        if position is not None:
            return Cursor(id=position)
        return None if self._since is None else Cursor(sent_at=max(0, int(self._since)))

    def leave(self) -> None:
        """The client is being left: `_client.open_client` saves for the last time."""
        self._left = True
        self.streams.when_moved(None)

    async def commit(self) -> None:
        """Save the position and return after the fsync. Raises `StoreError`. If cancelled, it may be saved or not."""
        await trio.lowlevel.checkpoint()
        self.store.check_positions()
        now = self._now()
        if now is not None:
            await self.store.save_position(now, durable=True)
            self._saved, self._durable = now, True

    async def save(self, *, durable: bool = False) -> bool:
        """Save the position if it has changed. Return whether it is saved; a failure is logged as a WARNING, once.

        *durable*: with an fsync, also if it has not changed since a save without one.
        """
        now = self._now()
        if now is None or not self.store.keeps_positions or (now == self._saved and self._durable >= durable):
            return True
        try:
            await self.store.save_position(now, durable=durable)
        except StoreError as error:
            self.store.warn("The position is not saved", error)
            return False
        self._saved, self._durable = now, durable
        return True

    def _now(self) -> SavedPosition | None:
        if self._uid is None:
            return None
        position = self.streams.position
        if position is None and self._since is None:
            return None
        beyond = self.streams.acknowledged_beyond(position)
        return SavedPosition(self.identity.app_id, self._uid, self._since, position, beyond)

    def _start_saving(self) -> None:
        if not self._left and self.store.keeps_positions:
            self.nursery.start_soon(self._keep, name="cometconn.position")

    @trio.lowlevel.enable_ki_protection
    async def _keep(self) -> None:
        """Save until nothing has moved meanwhile: soon, if the last save was long enough ago.

        The first position is saved at once: if the process were killed before, the next one would not know from when on to
        fetch, and messages would be missing without a word.
        """
        moves = True
        while moves and not self._left:
            now = trio.current_time()
            due = max(self._not_before, now if self._saved is None else now + _SOON)
            if now < due:
                await trio.sleep_until(due)
                if self._left:
                    break
            saved = await self.save()
            self._not_before = due + (_EVERY if saved else _AFTER_FAILURE)
            moves = not saved or ((newest := self._now()) is not None and newest != self._saved)
        if not self._left:
            self.streams.when_moved(self._start_saving)
