"""Where the session is saved."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import pathlib
import tempfile
from typing import Protocol, final

import attrs
import trio

from cometconn._foreign_text import KnownSecrets
from cometconn.errors import StoreError

from .disk import FileLock, check_folder, read_own_file, sync_folder
from .saved import LIMIT, Saved, read_saved, saved_text
from .session import Session, new_device_id

__all__ = ["IN_USE", "FileStore", "MemoryStore", "Saved", "Store", "default_path"]

IN_USE = "STORE_IN_USE"
"""The code of the `StoreError` that tells of another client."""

_LOG = logging.getLogger("cometconn")
_TEMPORARY = ".saving"


class Store(Protocol):
    """Keeps one session. One client at a time."""

    async def open(self, app_id: str) -> Saved:
        """Take hold of the store and return what it holds. `StoreError` if another client has it."""
        ...

    async def save(self, session: Session) -> None:
        """Save *session*, wholly or (`StoreError`) not at all."""
        ...

    async def forget(self) -> None:
        """Forget the session; the device's id stays."""
        ...

    async def aclose(self) -> None:
        """Let go of the store."""
        ...


@final
class MemoryStore:
    """Saves nothing to disk: the session lives as long as this object."""

    def __init__(self) -> None:
        self._saved: dict[str, Saved] = {}
        self._open: str | None = None

    async def open(self, app_id: str) -> Saved:
        await trio.lowlevel.checkpoint()
        if self._open is not None:
            message = "This MemoryStore is in use by another client: give each its own."
            raise StoreError(message, code=IN_USE)
        self._open = app_id
        return self._saved.setdefault(app_id, Saved(new_device_id(app_id), None))

    async def save(self, session: Session) -> None:
        await trio.lowlevel.checkpoint()
        self._saved[session.app_id] = attrs.evolve(self._saved[session.app_id], session=session)

    async def forget(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._open is not None:
            self._saved[self._open] = attrs.evolve(self._saved[self._open], session=None)

    async def aclose(self) -> None:
        self._open = None
        await trio.lowlevel.checkpoint()


def default_path(app_id: str) -> pathlib.Path:
    """Return the file for *app_id* in the platform's folder for user state."""
    import platformdirs  # noqa: PLC0415 - only who names no file needs it

    return platformdirs.user_state_path("cometconn") / f"{app_id}.json"


@final
class FileStore:
    """Saves the session in a JSON file that only its owner can read.

    It is written beside and renamed, so the old or the new session is there, never half.
    A file that cannot be read is moved aside, with a WARNING on the logger `cometconn`.

    Opening raises `StoreError` when another client has the file, when it or its folder is a
    symbolic link, belongs to somebody else or can be written by everybody, and when it cannot
    be read or locked. A file that others may read is taken from them (0600). Who may
    write the folders above, and the folder's group, are trusted.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path)
        self._lock = FileLock(self._path)
        self._is_open = False  # one object's lock would be granted twice
        self._app_id = ""
        self._device_id = ""

    def __repr__(self) -> str:
        return f"FileStore({os.fspath(self._path)!r})"

    async def open(self, app_id: str) -> Saved:
        if self._is_open:
            raise self._in_use()
        self._is_open = True
        try:
            return await trio.to_thread.run_sync(self._open, app_id)
        except BaseException:
            self._is_open = False
            raise

    async def save(self, session: Session) -> None:
        await trio.to_thread.run_sync(self._write, session)

    async def forget(self) -> None:
        await trio.to_thread.run_sync(self._write, None)

    async def aclose(self) -> None:
        await trio.to_thread.run_sync(self._lock.release)
        self._is_open = False

    def _in_use(self) -> StoreError:
        message = f"The session file {self._path} is in use by another client: close it, or choose another file."
        return StoreError(message, code=IN_USE)

    def _open(self, app_id: str) -> Saved:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_folder(self._path)
            taken = self._lock.take()
        except OSError as error:
            message = f"The session file {self._path} cannot be locked: {error.strerror or error}."
            raise StoreError(message) from error
        if not taken:
            raise self._in_use()
        try:
            self._sweep()
            saved = self._read(app_id) or Saved(new_device_id(app_id), None)
        except BaseException:
            self._lock.release()
            raise
        self._app_id, self._device_id = app_id, saved.device_id
        return saved

    def _sweep(self) -> None:
        """Remove what a program that was killed while it saved has left; nobody else writes here under our lock."""
        for left in self._path.parent.glob(f".{glob.escape(self._path.name)}.*{_TEMPORARY}"):
            with contextlib.suppress(OSError):  # it costs room, and nothing else
                left.unlink(missing_ok=True)

    def _read(self, app_id: str) -> Saved | None:
        content = read_own_file(self._path, LIMIT + 1)
        if content is None:
            return None
        try:
            return read_saved(content, app_id)
        except ValueError:
            self._move_aside()
            return None

    def _move_aside(self) -> None:
        name = None
        try:
            # A new name each time: nothing is ever overwritten.
            descriptor, name = tempfile.mkstemp(prefix=f"{self._path.name}.unreadable-", dir=self._path.parent)
            os.close(descriptor)
            os.replace(self._path, name)  # noqa: PTH105 - keeps the target's name a string
        except OSError as error:
            _remove(name)
            message = f"The session file {self._path} cannot be read, nor moved aside: {error.strerror or error}."
            raise StoreError(message) from error
        _LOG.warning(
            "The session file %s cannot be read or is another app's; it was moved to %s",
            *map(KnownSecrets().whole, (self._path, name)),
        )

    def _write(self, session: Session | None) -> None:
        content = saved_text(Saved(self._device_id, session), self._app_id)
        temporary = None
        try:
            descriptor, temporary = tempfile.mkstemp(_TEMPORARY, f".{self._path.name}.", self._path.parent)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)  # noqa: PTH105 - as above
        except OSError as error:
            _remove(temporary)
            message = f"The session cannot be saved in {self._path}: {error.strerror or error}."
            raise StoreError(message) from error
        sync_folder(self._path.parent)


def _remove(name: str | None) -> None:
    if name is not None:
        with contextlib.suppress(OSError):  # the error that is being told is the one that matters
            pathlib.Path(name).unlink()
