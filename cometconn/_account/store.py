"""The protocol of stores, and the store that keeps everything in memory."""

from __future__ import annotations

from typing import Protocol, final

import trio

from cometconn._arguments import checked
from cometconn.errors import StoreError

from .saved_position import SavedPosition
from .saved_session import SavedSession

__all__ = ["IN_USE", "MemoryStore", "Store"]

IN_USE = "STORE_IN_USE"
"""The code of the `StoreError` that is raised if another client uses the store."""


class Store(Protocol):
    """Keeps one session, for one client at a time.

    A store may also have `load_position`, `save_position` and `aclose`, as `FileStore` has them. Without the first two
    no position is saved: messages sent between two runs of the program are then not fetched.

    An exception that a call raises becomes a `StoreError`. Every call must be cancellable, because it is cancelled when it
    exceeds its time limit: `request_timeout` for `load`, and for the others `close_timeout`, or 2 seconds if that is
    more. While the client is being left, all calls together have `close_timeout`. No two calls run at the same time.
    """

    async def load(self, app_id: str) -> SavedSession:
        """Reserve the store for this client. Return the saved session, or `SavedSession.new(app_id)` if the store is empty.

        Raises:
            StoreError: the store cannot be read, or another client uses it (`code="STORE_IN_USE"`).
        """
        ...

    async def save(self, saved: SavedSession) -> None:
        """Replace the saved session by *saved*. If that fails, keep the old one whole and raise `StoreError`."""
        ...

    async def forget(self) -> None:
        """Remove the session and the position. The device id stays."""
        ...


@final
@checked
class MemoryStore:
    """Saves nothing to disk: the session and the position are lost with this object."""

    def __init__(self) -> None:
        self._saved: dict[str, SavedSession] = {}
        self._positions: dict[str, SavedPosition] = {}
        self._app_id: str | None = None

    async def load(self, app_id: str) -> SavedSession:
        """Reserve this store, and return the session of *app_id*, a new one the first time. Raises `StoreError` if in use."""
        await trio.lowlevel.checkpoint()
        if self._app_id is not None:
            message = "This MemoryStore is in use by another client: give each client its own MemoryStore."
            raise StoreError(message, code=IN_USE)
        self._app_id = app_id
        saved = self._saved.get(app_id)
        if saved is None:
            saved = self._saved[app_id] = SavedSession.new(app_id)
        return saved

    async def save(self, saved: SavedSession) -> None:
        """Keep *saved* in memory."""
        self._saved[saved.app_id] = saved
        await trio.lowlevel.checkpoint()

    async def forget(self) -> None:
        """Remove the session and the position. The device id stays."""
        if self._app_id is not None:
            self._saved[self._app_id] = self._saved[self._app_id].logged_out()
            self._positions.pop(self._app_id, None)
        await trio.lowlevel.checkpoint()

    async def load_position(self) -> SavedPosition | None:
        """Return the saved position of the loaded app, or `None`."""
        await trio.lowlevel.checkpoint()
        return None if self._app_id is None else self._positions.get(self._app_id)

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Keep *saved* in memory."""
        self._positions[saved.app_id] = saved
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Release the store, so that another client can use it."""
        self._app_id = None
        await trio.lowlevel.checkpoint()
