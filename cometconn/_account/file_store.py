"""The store that saves session and position in files."""

from __future__ import annotations

import os
import pathlib
from typing import final

from cometconn._arguments import checked
from cometconn.errors import SettingsError, StoreError

from .ordered_thread import Call, OrderedThread
from .saved_position import SavedPosition
from .saved_session import SavedSession
from .session_files import SessionFiles, in_use

__all__ = ["FileStore", "default_path"]

_POSITION = frozenset({"position"})
_ALL = frozenset({"position", "session"})


def default_path(app_id: str) -> pathlib.Path:
    """Return the file for *app_id* in the platform's folder for user state."""
    import platformdirs  # noqa: PLC0415 - needed only if no file is named

    return platformdirs.user_state_path("cometconn") / f"{app_id}.json"


@final
@checked
class FileStore:
    """Saves the session in a JSON file that only its owner can read, and the position in a second file beside it.

    Each file is replaced by renaming a complete new one, so it holds the old or the new content and never a part of
    either. The file of the position is named `<name>.position`; saving a position does not rewrite the tokens. A file
    with invalid content is moved aside, and a WARNING is logged by the logger `cometconn`.

    Loading raises `StoreError` if another client uses the file, if the file or its folder is a symbolic link, belongs
    to another user or is writable by all users, and if it cannot be read or locked. A file that other users can read is
    restricted to its owner (mode 0600). The users who can write to the folders above it are trusted, and so is the
    folder's group.

    The calls run one after the other in a thread of the store. Cancelling a call ends only the wait: calls that were
    made are completed in order, and the lock is released after the last one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Choose the file.

        Raises:
            SettingsError: *path* is not the path of a file.
        """
        self._path = pathlib.Path(path)
        if not self._path.name or "\0" in self._path.name:
            message = f"FileStore({path!r}): the path of a file is needed."
            raise SettingsError(message)
        self._files: SessionFiles | None = None
        self._released: Call[None] | None = None

    def __repr__(self) -> str:
        return f"FileStore({os.fspath(self._path)!r})"

    async def load(self, app_id: str) -> SavedSession:
        """Lock the file and return what it holds.

        Raises:
            StoreError: see the class; its code is `STORE_IN_USE` if another client uses the file.
        """
        if self._files is not None:
            raise in_use(self._path)
        self._files = files = SessionFiles(self._path, app_id)
        self._thread = OrderedThread()  # an earlier thread may still hang: then the lock is refused, without a wait
        try:
            return await self._thread.submit(files.load).wait()
        except BaseException:
            self._files = None
            self._released = self._thread.submit(files.release)
            raise

    async def save(self, saved: SavedSession) -> None:
        """Save the session durably: it is on the disk (fsync) when this returns."""
        files = self._open_files()
        await self._thread.submit(lambda: files.save(saved), "session", _ALL & {"session"}).wait()

    async def forget(self) -> None:
        """Remove session and position durably; the device id stays."""
        await self._thread.submit(self._open_files().forget, "session", _ALL).wait()

    async def load_position(self) -> SavedPosition | None:
        """Return the saved position."""
        return await self._thread.submit(self._open_files().load_position).wait()

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Save the position. Unless *durable*, a power cut may restore an older one."""
        files = self._open_files()
        call = self._thread.submit(lambda: files.save_position(saved, durable=durable), "position", _POSITION)
        await call.wait()

    async def aclose(self) -> None:
        """Release the lock, after all calls that were made. Idempotent."""
        files, self._files = self._files, None
        if files is not None:
            self._released = self._thread.submit(files.release)
        released, self._released = self._released, None
        if released is not None:  # also after a cancelled load(), whose thread may still be taking the lock
            await released.wait()

    def _open_files(self) -> SessionFiles:
        if self._files is None:
            message = f"The session file {self._path} is not open: nothing is read or written without its lock."
            raise StoreError(message)
        return self._files
