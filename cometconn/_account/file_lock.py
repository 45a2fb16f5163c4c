"""The lock that keeps a second client from a session file."""

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
_TRIES = 10  # each is lost only if the lock file is removed between two calls into the system

_mutex = threading.RLock()  # the garbage collector may release a lock inside of it
_taken_here: set[tuple[int, int, int, str]] = set()
"""The files that this process has locked: its number, the folder's device and inode, the name."""


@final
class FileLock:
    """Keeps other clients, of this process and of others, from a file, by locking one beside it.

    A lock file that is removed while it is locked lets no second client in: clients of this
    process are kept out by a table, those of others by a second lock, on the file itself
    (`hold()`). `is_held()` creates the lock file again. All calls block, for as long as the disk does.
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
        """Take the lock, unless another client has it. Raises `OSError` where there can be none."""
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
        """Lock the file of *descriptor*, too, until the next one is held. Return whether no other client has it."""
        if sys.platform == "win32":
            return True  # a file that is open and locked can neither be removed nor replaced there
        second = os.dup(descriptor)
        try:
            _lock(second)
        except OSError as error:
            os.close(second)
            return error.errno not in _TAKEN_BY_ANOTHER  # some systems lock only what may be written
        self._close_second()
        self._second = second
        return True

    def is_held(self) -> bool:
        """Return whether the lock is still ours. A lock file that was removed is created and locked again."""
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
        """Give up the lock. Idempotent."""
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
            os.close(descriptor)  # it was removed before it was locked
        return None

    def _close_second(self) -> None:
        if self._second is not None:
            os.close(self._second)
            self._second = None


def _is_at(descriptor: int, path: pathlib.Path) -> bool:
    """Return whether the open file is the one that *path* names now."""
    if sys.platform == "win32":
        return True  # as above
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
