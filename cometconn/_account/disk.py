"""Reads and writes files that hold tokens, and checks that no other user can read or replace them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import stat
import tempfile
from typing import TYPE_CHECKING

from cometconn.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_folder", "move_aside", "read_own_file", "remove_unfinished", "sync_folder", "write_beside"]

_POSIX = os.name == "posix"
# Non-blocking, because opening a named pipe would otherwise wait for its other end.
_HOW = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_ROOT = 0
_UNFINISHED = ".saving"


def check_folder(path: pathlib.Path) -> None:
    """Refuse a folder in which another user could replace the file *path*.

    Raises:
        StoreError: the folder is a symbolic link, belongs to another user, or is writable by all users. `/tmp` is
            accepted, because it belongs to root and has the sticky bit.
        OSError: it does not exist.
    """
    status = path.parent.lstat()
    if stat.S_ISLNK(status.st_mode):
        fault, remedy = "is a symbolic link, which is not followed", "name the folder that it leads to"
    elif _POSIX and status.st_uid not in {os.geteuid(), _ROOT}:
        fault, remedy = "belongs to another user", "choose another one"
    elif _POSIX and status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        fault, remedy = "is writable by all users", "choose another one, or remove that permission (chmod o-w)"
    else:
        return
    message = f"The folder of the session file {path} {fault}: {remedy}."
    raise StoreError(message)


def read_own_file(path: pathlib.Path, limit: int, opened: Callable[[int], object] = bool) -> bytes | None:
    """Return the content of *path*, at most *limit* bytes of it; `None` if there is no file.

    *opened* is called with the descriptor before anything is read. A file that other users can read is restricted to
    its owner. Raises `StoreError` if it is a link, not a regular file, another user's, or writable by all users.
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
        opened(descriptor)
        if _POSIX:
            with contextlib.suppress(OSError):  # fails on a read-only disk, which is still readable
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
        message = f"The session file {path} is writable by all users, so any of them may have written it: remove it."
        raise StoreError(message)


def sync_folder(folder: pathlib.Path) -> None:
    """Write a rename to the disk, where the system supports that.

    A failure is not reported: the file is complete under its name, and only a power cut could bring the old one back.
    """
    if _POSIX:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def write_beside(path: pathlib.Path, content: bytes, *, durable: bool, written: Callable[[int], object] = bool) -> None:
    """Write *content* to a new file and rename it to *path*, which so never holds incomplete content.

    *written* is called with the descriptor before the rename. If *durable*, the new content is on the disk on return;
    otherwise a power cut may bring the old content back. The new content is on the disk before the rename in any case,
    because a file system may write the rename first, and a power cut in between leaves an empty file. Raises `OSError`.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(_UNFINISHED, f".{path.name}.", path.parent)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            written(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - both names are strings
    except OSError:
        _remove(temporary)
        raise
    if durable:
        sync_folder(path.parent)


def remove_unfinished(*paths: pathlib.Path) -> None:
    """Remove the temporary files of programs that were killed while they wrote to one of *paths*.

    The name must match exactly, because other files in the folder may have temporary files of their own.
    """
    for path in paths:
        left_by_a_program = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]+{re.escape(_UNFINISHED)}")
        with contextlib.suppress(OSError):  # a leftover only uses disk space
            for left in list(path.parent.iterdir()):
                if left_by_a_program.fullmatch(left.name):
                    with contextlib.suppress(OSError):
                        left.unlink()


def move_aside(path: pathlib.Path) -> str:
    """Rename the file *path* to a new, unused name, and return that. Raises `OSError`."""
    name = None
    try:
        # mkstemp() reserves an unused name, so no earlier file is overwritten.
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.unreadable-", dir=path.parent)
        os.close(descriptor)
        os.replace(path, name)  # noqa: PTH105 - as above
    except OSError:
        _remove(name)
        raise
    return name


def _remove(name: str | None) -> None:
    if name is not None:
        with contextlib.suppress(OSError):  # must not replace the error that is being raised
            pathlib.Path(name).unlink()
