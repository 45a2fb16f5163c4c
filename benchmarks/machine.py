"""The machine of the measurements."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import resource
import subprocess

__all__ = ["description", "raise_file_limit", "resident"]

_PACKAGES = [
    "trio",
    "trio-websocket",
    "attrs",
    "cattrs",
    "msgspec",
    "websockets",
    "picows",
    "orjson",
    "python-socketio",
    "centrifuge-python",
    "nats-py",
]


def description() -> str:
    """Return a description for the table: processor, cores, system, Python, versions, load."""
    versions = (f"{name} {version}" for name in _PACKAGES if (version := _version(name)) is not None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{_processor()}, {cores} cores, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}, load before {os.getloadavg()[0]:.1f}\n"
        + ", ".join(versions)
    )


def raise_file_limit() -> int:
    """Raise the limit of open files as far as allowed, and return it. Every connection is an open file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 2**20
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def resident() -> int:
    """Return this process's resident memory, in bytes."""
    facts = pathlib.Path("/proc/self/statm")
    if facts.exists():
        return int(facts.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    command = ["ps", "-o", "rss=", "-p", str(os.getpid())]
    return int(subprocess.run(command, capture_output=True, check=True).stdout) * 1024  # noqa: S603 - no input


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    facts = pathlib.Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
