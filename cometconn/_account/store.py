"""What a store is, and the one that keeps nothing on disk."""

from __future__ import annotations

from typing import Protocol, final

import trio

from cometconn.errors import StoreError

from .saved import SavedSession
from .saved_position import SavedPosition

__all__ = ["IN_USE", "MemoryStore", "Store"]

IN_USE = "STORE_IN_USE"
"""The code of the `StoreError` that tells of another client."""


class Store(Protocol):
    """Keeps one session, for one client at a time.

    A store may also have `load_position`, `save_position` and `aclose`, as `FileStore` has them.
    Without the first two no position is kept: after a restart nothing is fetched that came meanwhile.

    Whatever a call raises reaches the program as a `StoreError`. Every call must be cancellable: it is
    cancelled when it takes too long (`load`: `request_timeout`; the others: `close_timeout`, but
    at least 2 seconds, except when the client is left). No two calls run at once.
    """

    async def load(self, app_id: str) -> SavedSession:
        """Take hold of the store and return what it holds for *app_id*; `SavedSession.new(app_id)` if it is empty.

        Raises:
            StoreError: it cannot be read, or another client has it (`code="STORE_IN_USE"`).
        """
        ...

    async def save(self, saved: SavedSession) -> None:
        """Save *saved* in place of what was saved before, wholly or (raise `StoreError`) not at all."""
        ...

    async def forget(self) -> None:
        """Forget the session and the position. The device id stays."""
        ...


@final
class MemoryStore:
    """Saves nothing to disk: session and position live as long as this object."""

    def __init__(self) -> None:
        self._saved: dict[str, SavedSession] = {}
        self._positions: dict[str, SavedPosition] = {}
        self._app_id: str | None = None

    async def load(self, app_id: str) -> SavedSession:
        """Return what is held for *app_id*. `StoreError` if another client uses this store."""
        await trio.lowlevel.checkpoint()
        if self._app_id is not None:
            message = "This MemoryStore is in use by another client: give each its own."
            raise StoreError(message, code=IN_USE)
        self._app_id = app_id
        return self._saved.setdefault(app_id, SavedSession.new(app_id))

    async def save(self, saved: SavedSession) -> None:
        """Hold *saved*."""
        self._saved[saved.app_id] = saved
        await trio.lowlevel.checkpoint()

    async def forget(self) -> None:
        """Forget session and position."""
        if self._app_id is not None:
            self._saved[self._app_id] = self._saved[self._app_id].logged_out()
            self._positions.pop(self._app_id, None)
        await trio.lowlevel.checkpoint()

    async def load_position(self) -> SavedPosition | None:
        """Return the position that is held."""
        await trio.lowlevel.checkpoint()
        return None if self._app_id is None else self._positions.get(self._app_id)

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Hold *saved*."""
        self._positions[saved.app_id] = saved
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Let another client use this store."""
        self._app_id = None
        await trio.lowlevel.checkpoint()
