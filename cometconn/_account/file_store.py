"""The store that is a file."""

from __future__ import annotations

import os
import pathlib
from typing import final

from cometconn.errors import SettingsError, StoreError

from .ordered_thread import Call, OrderedThread
from .saved import SavedSession
from .saved_position import SavedPosition
from .session_files import SessionFiles
from .store import IN_USE

__all__ = ["FileStore", "default_path"]

_POSITION = frozenset({"position"})
_ALL = frozenset({"position", "session"})


def default_path(app_id: str) -> pathlib.Path:
    """Return the file for *app_id* in the platform's folder for user state."""
    import platformdirs  # noqa: PLC0415 - needed only where no file is named

    return platformdirs.user_state_path("cometconn") / f"{app_id}.json"


@final
class FileStore:
    """Saves the session in a JSON file that only its owner can read, and the position in one beside it.

    Each is written beside and renamed, so the old or the new content is there, never half. The
    position's file is called `<name>.position`; saving it never rewrites the tokens. A file that
    cannot be read is moved aside, with a WARNING on the logger `cometconn`.

    Loading raises `StoreError` when another client has the file, when it or its folder is a
    symbolic link, belongs to somebody else or can be written by everybody, and when it cannot
    be read or locked. A file that others may read is taken from them (0600). Who may
    write the folders above, and the folder's group, are trusted.

    The calls are made one after the other in a thread of the store's own. Cancelling one ends
    only the wait: what was begun is completed, in order, and the lock is given up after the last.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file.

        Raises:
            SettingsError: *path* is no path of a file.
        """
        try:
            self._path = pathlib.Path(path)
        except TypeError:
            self._path = pathlib.Path()
        if not self._path.name:
            message = f"FileStore({path!r}): the path of a file is needed."
            raise SettingsError(message)
        self._files: SessionFiles | None = None
        self._released: Call[None] | None = None

    def __repr__(self) -> str:
        return f"FileStore({os.fspath(self._path)!r})"

    async def load(self, app_id: str) -> SavedSession:
        """Lock the file and return what it holds.

        Raises:
            StoreError: see above; its code is `STORE_IN_USE` when another client has the file.
        """
        if self._files is not None:
            message = f"The session file {self._path} is in use by another client: close it, or choose another file."
            raise StoreError(message, code=IN_USE)
        self._files = files = SessionFiles(self._path, app_id)
        self._thread = OrderedThread()  # an old one may still hang: the lock tells, without waiting
        try:
            return await self._thread.submit(files.load).wait()
        except BaseException:
            self._files, self._released = None, self._thread.submit(files.release)
            raise

    async def save(self, saved: SavedSession) -> None:
        """Save the session durably (fsync)."""
        files = self._open_files()
        await self._thread.submit(lambda: files.save(saved), "session", _ALL & {"session"}).wait()

    async def forget(self) -> None:
        """Forget session and position durably; the device id stays."""
        await self._thread.submit(self._open_files().forget, "session", _ALL).wait()

    async def load_position(self) -> SavedPosition | None:
        """Return the saved position."""
        return await self._thread.submit(self._open_files().load_position).wait()

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Save the position. Unless *durable*, a power cut may bring an older one back."""
        files = self._open_files()
        call = self._thread.submit(lambda: files.save_position(saved, durable=durable), "position", _POSITION)
        await call.wait()

    async def aclose(self) -> None:
        """Give up the lock, after everything that was begun. Idempotent."""
        files, self._files = self._files, None
        if files is not None:
            self._released = self._thread.submit(files.release)
        released, self._released = self._released, None
        if released is not None:  # also after load() was interrupted: then the thread may still be taking the lock
            await released.wait()

    def _open_files(self) -> SessionFiles:
        if self._files is None:
            message = f"The session file {self._path} is not open: nothing is read or written without its lock."
            raise StoreError(message)
        return self._files
