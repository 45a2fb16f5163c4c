"""Whether the processes that share a database file share a clock, too."""

from __future__ import annotations

import time
from pathlib import Path

from .errors import EngineError

__all__ = ["boot_id", "boot_time", "check_file_system", "file_system", "time_namespace"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/time")
_MOUNTS = Path("/proc/self/mountinfo")
_SHARED = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "pvfs2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
    }
)
_FOREIGN = "FOREIGN_PLACE"


def boot_id() -> str:
    """Return what the kernel calls the time since it was started: another id, another clock.

    Raises:
        EngineError: the system has none. Only Linux has.
    """
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError as error:
        message = f"SQLiteEngine needs Linux, whose {_BOOT_ID} identifies the clock of the leases: use RedisEngine."
        raise EngineError(message, code=_FOREIGN, worth_retrying=False) from error


def time_namespace() -> str:
    """Return the identity of the process's time namespace, in which the boot-time clock may have an offset of its own."""
    try:
        return str(_NAMESPACE.readlink())
    except OSError:  # before Linux 5.6 there is only one
        return "time:[none]"


def boot_time() -> float:
    """Return the seconds on the boot-time clock: the same for all processes, and it goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def check_file_system(folder: Path) -> None:
    """Check that the file system of *folder* is one of this machine: on others, locks and shared memory do not work.

    Raises:
        EngineError: it is shared by several machines.
    """
    kind = file_system(folder)
    if kind in _SHARED or (kind.startswith("fuse.") and kind not in {"fuse.fuse-overlayfs", "fuse.lxcfs"}):
        message = f"{str(folder)!r} is on a file system that several machines may share ({kind}): use a local one."
        raise EngineError(message, code=_FOREIGN, worth_retrying=False)


def file_system(folder: Path) -> str:
    """Return the kind of the file system of *folder*, as `/proc/self/mountinfo` has it."""
    return _file_system(folder.resolve(), _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))


def _file_system(folder: Path, mounts: str) -> str:
    """Return the kind of the last mount on the nearest parent of *folder*."""
    kinds: dict[Path, str] = {}
    for line in mounts.splitlines():
        mounted, _, source = line.partition(" - ")
        point = mounted.split()[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        kinds[Path(point)] = source.split()[0]
    for parent in (folder, *folder.parents):
        if parent in kinds:
            return kinds[parent]
    return "unknown"
