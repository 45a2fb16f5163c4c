"""A disk in memory, behind the real store: killed processes keep what they wrote, and a power cut loses what was not synced."""

from __future__ import annotations

import errno
import io
import os
import pathlib
import random
import stat
import tempfile
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, ClassVar
from unittest import mock

import attrs
import outcome
import trio

from .clocks import ReplacedModule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Disk", "DiskProcess", "mounted"]

_QUICK = 0.004  # seconds: a call of a healthy disk takes up to this time
_LAST_PID = 2**22
_FIRST_DESCRIPTOR = 2**30  # far from the real ones of this process


@attrs.define(eq=False)
class _File:
    number: int
    content: bytes = b""
    durable: bytes = b""
    lock: _Opened | None = None


@attrs.define(eq=False)
class _Opened:
    """An open file description, which several descriptors may share."""

    file: _File
    process: DiskProcess
    users: int = 1


@attrs.define(eq=False)
class DiskProcess:
    """A process that uses the disk. Once it is dead, its calls fail."""

    disk: Disk
    pid: int
    dead: bool = False

    def enter(self) -> None:
        """Let this task, and all tasks that it starts, belong to the process."""
        _PROCESS.set(self)

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that the process has open."""
        return [number for number, opened in self.disk.opened.items() if opened.process is self]

    def kill(self) -> None:
        """End the process by force: its descriptors are closed, and its locks released."""
        self.dead = True
        for number in self.descriptors:
            self.disk.close(number)


_PROCESS: ContextVar[DiskProcess] = ContextVar("the process that calls the disk")


@attrs.define(eq=False)
class Disk:
    """One folder of files.

    Attributes:
        draw: decides how long calls take.
        is_full: nothing can be written.
        slowness: seconds that each call of a thread takes beyond the usual time.
        troubled_at: when the troubles that are over ended; minus infinity if there were none.
    """

    draw: random.Random
    is_full: bool = False
    slowness: float = 0.0
    troubled_at: float = -float("inf")
    opened: dict[int, _Opened] = attrs.field(factory=dict)
    _files: dict[str, _File] = attrs.field(factory=dict)
    _durable: dict[str, _File] = attrs.field(factory=dict)
    _count: int = _FIRST_DESCRIPTOR
    _pids: int = _LAST_PID
    _newest: DiskProcess = attrs.field(init=False)

    def process(self) -> DiskProcess:
        """Begin a process."""
        self._pids += 1
        self._newest = DiskProcess(self, self._pids)
        return self._newest

    def calling(self) -> DiskProcess:
        """Return the process of this task; in a task of the script, which looks at the client, the newest process."""
        return _PROCESS.get(self._newest)

    def trouble(self, *, is_full: bool = False, slowness: float = 0.0) -> None:
        """Be full, or slow, or healthy again."""
        self.troubled_at = self.last_trouble()
        self.is_full, self.slowness = is_full, slowness

    def last_trouble(self) -> float:
        """Return when the disk was last full or slow, or when the last call ends that began then.

        A call takes as long as the disk took when it began, so a disk that hung and is slow now may still be in one.
        """
        if not self.is_full and not self.slowness:
            return self.troubled_at
        return max(self.troubled_at, trio.current_time() + self.slowness)

    def cut_power(self) -> None:
        """Lose what was not synced. No process may be alive."""
        self._files = dict(self._durable)
        for file in self._files.values():
            file.content = file.durable

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; `None` if there is none."""
        file = self._files.get(name)
        return None if file is None else file.content

    # What the modules `os`, `tempfile` and `fcntl` do.

    def _check(self) -> None:
        if self.calling().dead:
            raise OSError(errno.EIO, "the process is dead")

    def open(self, path: object, how: int = os.O_RDONLY, mode: int = 0o600) -> int:
        """Open a file, or the folder."""
        del mode
        self._check()
        name = str(path)
        file = self._files.get(name)
        if file is None and name != _FOLDER:
            if not how & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            file = self._files[name] = self._new_file()
        return self._descriptor(_Opened(file or _File(1), self.calling()))

    def _new_file(self) -> _File:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._count += 1
        return _File(self._count)

    def _descriptor(self, opened: _Opened) -> int:
        self._count += 1
        self.opened[self._count] = opened
        return self._count

    def close(self, descriptor: int) -> None:
        """Close a descriptor; that of a process that was killed is closed already."""
        opened = self.opened.pop(descriptor, None)
        if opened is not None:
            opened.users -= 1
            if not opened.users and opened.file.lock is opened:
                opened.file.lock = None

    def dup(self, descriptor: int) -> int:
        """Duplicate a descriptor."""
        opened = self.opened[descriptor]
        opened.users += 1
        return self._descriptor(opened)

    def lock(self, descriptor: int) -> None:
        """Lock a file, as `flock` does."""
        self._check()
        opened = self.opened[descriptor]
        if opened.file.lock not in {None, opened}:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))
        opened.file.lock = opened

    def fsync(self, descriptor: int) -> None:
        """Make the content of a file durable, or the names in the folder."""
        self._check()
        file = self.opened[descriptor].file
        file.durable = file.content
        if file.number == 1:
            self._durable = dict(self._files)

    def replace(self, old: object, new: object) -> None:
        """Rename a file."""
        self._check()
        self._files[str(new)] = self._files.pop(str(old))

    def fstat(self, descriptor: int) -> os.stat_result:
        """Return the status of an open file."""
        return _status(self.opened[descriptor].file)

    def mkstemp(self, suffix: str = "", prefix: str = "tmp", dir: object = None) -> tuple[int, str]:  # noqa: A002 - as in `tempfile`
        """Create a file with a new name."""
        self._check()
        name = f"{dir}/{prefix}{self._count}{suffix}"
        self._files[name] = file = self._new_file()
        return self._descriptor(_Opened(file, self.calling())), name

    def open_file(self, descriptor: int, mode: str, *, closefd: bool = True) -> io.BytesIO:
        """Return a file object for a descriptor."""
        return _FileObject(self, descriptor, mode, closefd)

    # What `pathlib` does.

    def status(self, name: str) -> os.stat_result:
        """Return the status of a file, or of the folder."""
        if name == _FOLDER:
            return _status(_File(1), stat.S_IFDIR | 0o700)
        if name not in self._files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return _status(self._files[name])

    def unlink(self, name: str, *, missing_ok: bool) -> None:
        """Remove a name."""
        self._check()
        if self._files.pop(name, None) is None and not missing_ok:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)

    def names(self) -> list[str]:
        """Return the names of all files."""
        return list(self._files)

    # Threads.

    def start_thread_soon(
        self,
        function: Callable[[], object],
        deliver: Callable[[outcome.Outcome[object]], object],
        name: str | None = None,
    ) -> None:
        """Do what Trio's function of this name does without a thread: the call is made when virtual time has passed."""
        process = self.calling()

        async def work() -> None:
            await trio.sleep(self.draw.uniform(0, _QUICK) + self.slowness)
            if not process.dead:
                deliver(outcome.capture(function))

        trio.lowlevel.spawn_system_task(work, name=name, context=copy_context())


_FOLDER = "/state"


def _status(file: _File, mode: int = stat.S_IFREG | 0o600) -> os.stat_result:
    return os.stat_result((mode, file.number, 7, 1, os.geteuid(), os.getegid(), len(file.content), 0, 0, 0))


class _FileObject(io.BytesIO):
    def __init__(self, disk: Disk, descriptor: int, mode: str, closefd: bool) -> None:
        super().__init__(disk.opened[descriptor].file.content if mode == "rb" else b"")
        self._disk, self._descriptor, self._writes, self._closefd = disk, descriptor, mode == "wb", closefd

    def fileno(self) -> int:
        return self._descriptor

    def flush(self) -> None:
        super().flush()
        if self._writes and not self.closed and self._descriptor in self._disk.opened:
            if self._disk.is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._disk.opened[self._descriptor].file.content = self.getvalue()

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._closefd:
                self._disk.close(self._descriptor)


class _Path(pathlib.PurePosixPath):
    """A path on the mounted disk."""

    disk: ClassVar[Disk]

    def mkdir(self, **_: object) -> None:
        self.disk._check()

    def lstat(self) -> os.stat_result:
        return self.disk.status(str(self))

    stat = lstat

    def unlink(self, missing_ok: bool = False) -> None:
        self.disk.unlink(str(self), missing_ok=missing_ok)

    def iterdir(self) -> Iterator[_Path]:
        return iter([type(self)(name) for name in self.disk.names()])


@contextmanager
def mounted(disk: Disk) -> Iterator[None]:
    """Let the file store use *disk* in this block, and virtual time instead of threads."""
    on_disk = ReplacedModule(
        os,
        **{name: getattr(disk, name) for name in ("open", "close", "dup", "fsync", "replace", "fstat")},
        fchmod=lambda *_: None,
        getpid=lambda: disk.calling().pid,
    )
    paths = ReplacedModule(pathlib, Path=type("Path", (_Path,), {"disk": disk}))
    account = "cometconn._account"
    with (
        mock.patch(f"{account}.disk.os", on_disk),
        mock.patch(f"{account}.file_lock.os", on_disk),
        mock.patch(f"{account}.file_lock._lock", disk.lock),
        mock.patch(f"{account}.file_lock._taken_here", set()),  # the numbers of processes begin again in each run
        mock.patch(f"{account}.disk.tempfile", ReplacedModule(tempfile, mkstemp=disk.mkstemp)),
        mock.patch(f"{account}.disk.open", disk.open_file, create=True),
        mock.patch(f"{account}.disk.pathlib", paths),
        mock.patch(f"{account}.file_store.pathlib", paths),
        mock.patch("trio.lowlevel.start_thread_soon", disk.start_thread_soon),
    ):
        yield
