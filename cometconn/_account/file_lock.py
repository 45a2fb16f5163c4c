"""The lock that prevents two clients from using one session file."""

from __future__ import annotations

import errno
import os
import sys
import threading
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    import pathlib

__all__ = ["FileLock"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_HOW = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_TAKEN_BY_ANOTHER = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}
_TRIES = 10  # a try fails only if the lock file is removed between opening and locking it

_mutex = threading.RLock()  # reentrant, because the garbage collector may call release() while it is held
_taken_here: set[tuple[int, int, int, str]] = set()
"""The files that this process has locked: process id, the folder's device and inode, the file's name."""


@final
class FileLock:
    """Excludes other clients, in this process and in others, from a file by locking a second file beside it.

    Removing the lock file while it is locked does not admit a second client: clients in this process are excluded by a
    table, those in other processes by a second lock on the file itself (`hold()`). `is_held()` creates the lock file
    again. All calls may block for as long as the disk does.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._lock_path = path.with_name(f"{path.name}.lock")
        self._key: tuple[int, int, int, str] | None = None
        self._descriptor: int | None = None
        self._second: int | None = None

    def __del__(self) -> None:
        self.release()

    def take(self) -> bool:
        """Take the lock and return whether that succeeded. Raises `OSError` if the lock file cannot be created."""
        folder = self._path.parent.stat()
        key = (os.getpid(), folder.st_dev, folder.st_ino, self._path.name)
        with _mutex:
            if key in _taken_here:
                return False
            _taken_here.add(key)
        self._key = key
        try:
            self._descriptor = self._open_locked()
        finally:
            if self._descriptor is None:
                self.release()
        return self._descriptor is not None

    def hold(self, descriptor: int) -> bool:
        """Also lock the file of *descriptor*, until the next call. Return `False` if another client has locked it."""
        if sys.platform == "win32":
            return True  # Windows neither removes nor replaces a file that is open and locked
        second = os.dup(descriptor)
        try:
            _lock(second)
        except OSError as error:
            os.close(second)
            return error.errno not in _TAKEN_BY_ANOTHER  # some systems lock only files that are open for writing
        self._close_second()
        self._second = second
        return True

    def is_held(self) -> bool:
        """Return whether this object still has the lock. A removed lock file is created and locked again."""
        if self._descriptor is None:
            return False
        if _is_at(self._descriptor, self._lock_path):
            return True
        again = self._open_locked()
        if again is None:
            return False
        os.close(self._descriptor)
        self._descriptor = again
        return True

    def release(self) -> None:
        """Release the lock. Idempotent."""
        self._close_second()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._key is not None:
            with _mutex:
                _taken_here.discard(self._key)
            self._key = None

    def _open_locked(self) -> int | None:
        for _ in range(_TRIES):
            descriptor = os.open(self._lock_path, _HOW, 0o600)
            try:
                _lock(descriptor)
                if _is_at(descriptor, self._lock_path):
                    return descriptor
            except OSError as error:
                os.close(descriptor)
                if error.errno in _TAKEN_BY_ANOTHER:
                    return None
                raise
            os.close(descriptor)  # the file was removed before it was locked: try again
        return None

    def _close_second(self) -> None:
        if self._second is not None:
            os.close(self._second)
            self._second = None


def _is_at(descriptor: int, path: pathlib.Path) -> bool:
    """Return whether *path* still names the open file."""
    if sys.platform == "win32":
        return True  # see hold()
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
