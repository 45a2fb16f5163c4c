"""Where the session is saved."""

from __future__ import annotations

import glob
import json
import logging
import os
import pathlib
import stat
import tempfile
from typing import Any, Protocol, final

import attrs
import filelock
import platformdirs
import trio

from cometconn.errors import StoreError

from .session import Session, new_device_id

__all__ = ["FileStore", "MemoryStore", "Saved", "Store", "default_path"]

_LOG = logging.getLogger("cometconn")
_SCHEMA = 1
_LIMIT = 32 * 1024 * 1024  # bytes; a session has a few thousand
_TEMPORARY = ".saving"


@attrs.frozen
class Saved:
    """What a store holds: the device's id, and the session of who is logged in."""

    device_id: str
    session: Session | None


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
            raise StoreError(message)
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
    return platformdirs.user_state_path("cometconn") / f"{app_id}.json"


@final
class FileStore:
    """Saves the session in a JSON file that only its owner can read.

    It is written beside and renamed, so the old or the new session is there, never half.
    A file that cannot be read is moved aside, with a WARNING on the logger `cometconn`.
    `StoreError` meets who opens a link, another user's file, a file that another client
    has open, or a folder that everybody may write.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path)
        self._lock = filelock.FileLock(f"{self._path}.lock", mode=0o600, thread_local=False)
        self._app_id = ""
        self._device_id = ""

    def __repr__(self) -> str:
        return f"FileStore({os.fspath(self._path)!r})"

    async def open(self, app_id: str) -> Saved:
        return await trio.to_thread.run_sync(self._open, app_id)

    async def save(self, session: Session) -> None:
        await trio.to_thread.run_sync(self._write, session)

    async def forget(self) -> None:
        await trio.to_thread.run_sync(self._write, None)

    async def aclose(self) -> None:
        await trio.to_thread.run_sync(self._lock.release)

    def _open(self, app_id: str) -> Saved:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_folder()
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            message = f"The session file {self._path} is in use by another client: close it, or choose another file."
            raise StoreError(message) from None
        except OSError as error:
            message = f"The session file {self._path} cannot be locked: {error.strerror or error}."
            raise StoreError(message) from error
        try:
            self._sweep()
            saved = self._read(app_id) or Saved(new_device_id(app_id), None)
        except BaseException:
            self._lock.release()
            raise
        self._app_id, self._device_id = app_id, saved.device_id
        return saved

    def _check_folder(self) -> None:
        """Refuse a folder in which anybody may replace what is ours (`/tmp` has the sticky bit, so it will do)."""
        mode = self._path.parent.stat().st_mode
        if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            message = (
                f"The folder of the session file {self._path} can be written by everybody: "
                "choose another one, or take that right away (chmod o-w)."
            )
            raise StoreError(message)

    def _sweep(self) -> None:
        """Remove what a program that was killed while it saved has left; nobody else writes here under our lock."""
        for left in self._path.parent.glob(f".{glob.escape(self._path.name)}.*{_TEMPORARY}"):
            left.unlink(missing_ok=True)

    def _read(self, app_id: str) -> Saved | None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            message = f"The session file {self._path} cannot be opened (links are not followed): {error.strerror}."
            raise StoreError(message) from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
            os.close(descriptor)
            message = f"The session file {self._path} is not a plain file of yours: choose another one."
            raise StoreError(message)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            content = file.read(_LIMIT + 1)
        try:
            return _parse(content, app_id)
        except (ValueError, TypeError, KeyError, RecursionError):
            self._move_aside()
            return None

    def _move_aside(self) -> None:
        # A new name each time: nothing is ever overwritten.
        descriptor, name = tempfile.mkstemp(prefix=f"{self._path.name}.unreadable-", dir=self._path.parent)
        os.close(descriptor)
        os.replace(self._path, name)  # noqa: PTH105 - keeps the target's name a string
        _LOG.warning("The session file %s cannot be read or is another app's; it was moved to %s", self._path, name)

    def _write(self, session: Session | None) -> None:
        content = {"schema": _SCHEMA, "app_id": self._app_id, "device_id": self._device_id, "session": None}
        if session is not None:
            content["session"] = _unstructure(session)
        temporary = None
        try:
            descriptor, temporary = tempfile.mkstemp(_TEMPORARY, f".{self._path.name}.", self._path.parent)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(json.dumps(content).encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)  # noqa: PTH105 - as above
            temporary = None
            _sync_folder(self._path.parent)
        except OSError as error:
            message = f"The session cannot be saved in {self._path}: {error.strerror or error}."
            raise StoreError(message) from error
        finally:
            if temporary is not None:
                pathlib.Path(temporary).unlink(missing_ok=True)


def _sync_folder(folder: pathlib.Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unstructure(session: Session) -> dict[str, Any]:
    return {
        "uid": session.uid,
        "auth_token": session.auth_token,
        "jwt": session.jwt,
        "user": dict(session.user),
        "settings": dict(session.settings),
        "last_message_id": session.last_message_id,
        "last_seen_at": session.last_seen_at,
    }


def _parse(content: bytes, app_id: str) -> Saved:
    if len(content) > _LIMIT:
        raise ValueError
    data = json.loads(content)
    if data["schema"] != _SCHEMA or data["app_id"] != app_id or not isinstance(data["device_id"], str):
        raise ValueError
    saved = data["session"]
    if saved is None:
        return Saved(data["device_id"], None)
    uid, token, jwt, user, settings = (saved[key] for key in ("uid", "auth_token", "jwt", "user", "settings"))
    if not (isinstance(uid, str) and isinstance(token, str) and isinstance(jwt, str | None)):
        raise TypeError
    if not (isinstance(user, dict) and isinstance(settings, dict)):
        raise TypeError
    last_id, seen_at = saved.get("last_message_id"), saved.get("last_seen_at")
    if not (isinstance(last_id, int | None) and isinstance(seen_at, int | float | None)):
        raise TypeError
    return Saved(data["device_id"], Session(app_id, uid, token, jwt, user, settings, last_id, seen_at))
