"""What a soak measures at every calm: memory, file descriptors, tasks, objects; and whether they stay flat."""

from __future__ import annotations

import ctypes
import gc
import os
import pathlib
import platform
import sys
from collections.abc import Sequence

import attrs
import trio

__all__ = ["Measure", "draw", "measure", "verdicts"]

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


@attrs.frozen
class Measure:
    """One look at this process.

    Attributes:
        at: seconds since the soak began.
        memory: resident, in MiB.
        files: open file descriptors.
        tasks: of Trio's.
        objects: that the garbage collector follows.
    """

    at: float
    memory: float
    files: int
    tasks: int
    objects: int


def measure(began: float, *, thoroughly: bool = True) -> Measure:
    """Look now; *thoroughly* means without the garbage, which takes a moment."""
    if thoroughly:
        gc.collect()
        gc.collect()
        _give_back()
    resident = int(pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return Measure(
        at=trio.current_time() - began,
        memory=resident * _PAGE / _MIB,
        files=len(os.listdir("/proc/self/fd")),
        tasks=trio.lowlevel.current_statistics().tasks_living,
        objects=len(gc.get_objects()) if thoroughly else 0,
    )


def _give_back() -> None:
    """Let glibc's allocator return what it keeps for later: it takes minutes to stop growing, and is no leak."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def verdicts(calms: Sequence[Measure]) -> list[str]:
    """Return what is not flat after the warm-up, which is the first third of the calms."""
    steady = calms[len(calms) // 3 :]
    wrong = []
    for name, allowed in (("memory", 1.06), ("files", 1.06), ("tasks", 1.06), ("objects", 1.05)):
        values = [getattr(calm, name) for calm in steady]
        half = len(values) // 2
        early, late = min(values[: half or 1]), min(values[half:])
        if late > early * allowed:
            wrong.append(f"{name} grew from {early:.0f} to {late:.0f} between calms")
    return wrong


def draw(path: pathlib.Path, calms: Sequence[Measure], seconds: Sequence[Measure]) -> None:
    """Draw memory and file descriptors over time."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 1, figsize=(9, 8), sharex=True, layout="constrained")
    for axis, name, words in zip(
        axes, ("memory", "files", "tasks"), ("resident memory, MiB", "file descriptors", "Trio tasks"), strict=True
    ):
        axis.plot([one.at for one in seconds], [getattr(one, name) for one in seconds], color="#9db4c0", lw=1)
        axis.plot([one.at for one in calms], [getattr(one, name) for one in calms], "o-", color="#1d6996")
        axis.set_ylabel(words)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title("Soak: every second (light), and at the calms, with all clients connected (dots)")
    axes[-1].set_xlabel("seconds")
    figure.savefig(path, dpi=110)
