"""Whose file it is, and what is really on the disk: distrust of the place where tokens are kept."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from cometconn.errors import StoreError

if TYPE_CHECKING:
    import pathlib

__all__ = ["FileLock", "check_folder", "read_own_file", "sync_folder"]

_POSIX = os.name == "posix"
# Not blocking, because opening a named pipe would wait for its other end.
_HOW = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_ROOT = 0


def check_folder(path: pathlib.Path) -> None:
    """Refuse a folder in which somebody else may replace the file *path*.

    Raises:
        StoreError: it is a symbolic link, somebody else's, or everybody may write in it.
            (`/tmp` is root's and has the sticky bit, so it will do.)
        OSError: it is not there.
    """
    status = path.parent.lstat()
    if stat.S_ISLNK(status.st_mode):
        fault, remedy = "is a symbolic link, which is not followed", "name the folder that it leads to"
    elif _POSIX and status.st_uid not in {os.geteuid(), _ROOT}:
        fault, remedy = "belongs to somebody else", "choose another one"
    elif _POSIX and status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        fault, remedy = "can be written by everybody", "choose another one, or take that right away (chmod o-w)"
    else:
        return
    message = f"The folder of the session file {path} {fault}: {remedy}."
    raise StoreError(message)


def read_own_file(path: pathlib.Path, limit: int) -> bytes | None:
    """Return the content of *path*, at most *limit* bytes of it; `None` if there is no file.

    A file that others may read is made its owner's alone. Raises `StoreError` for a link,
    for what is no plain file, for somebody else's file and for one that everybody may write.
    """
    try:
        descriptor = os.open(path, _HOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"The session file {path} cannot be opened (links are not followed): {error.strerror}."
        raise StoreError(message) from error
    try:
        _check_file(path, os.fstat(descriptor))
        if _POSIX:
            with contextlib.suppress(OSError):  # a disk that is read-only has nothing to be saved on, either
                os.fchmod(descriptor, 0o600)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError as error:
        message = f"The session file {path} cannot be read: {error.strerror or error}."
        raise StoreError(message) from error
    finally:
        os.close(descriptor)


def _check_file(path: pathlib.Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or (_POSIX and status.st_uid != os.geteuid()):
        message = f"The session file {path} is not a plain file of yours: choose another one."
        raise StoreError(message)
    if _POSIX and status.st_mode & stat.S_IWOTH:
        message = f"The session file {path} can be written by everybody, so it may be anybody's: remove it."
        raise StoreError(message)


def sync_folder(folder: pathlib.Path) -> None:
    """Let a renaming reach the disk, where the system can do that.

    Failing is not told: the file is complete under its name, and whoever opens it next finds it. Only
    after a power cut might the old one be back.
    """
    if _POSIX:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class FileLock:
    """Keeps other clients, of this process and of others, from a file, by one beside it."""

    def __init__(self, path: pathlib.Path) -> None:
        import filelock  # noqa: PLC0415 - brings asyncio along, and a client with a store of its own needs neither

        self._lock = filelock.FileLock(f"{path}.lock", mode=0o600, thread_local=False)
        self._taken_by_another = filelock.Timeout

    def take(self) -> bool:
        """Take the lock, unless somebody has it. Raises `OSError` where there can be none."""
        try:
            self._lock.acquire(timeout=0)
        except self._taken_by_another:
            return False
        return True

    def release(self) -> None:
        """Let go of the lock."""
        self._lock.release()
