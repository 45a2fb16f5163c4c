"""A client that sends and receives files, a process of its own: `python -m benchmarks.files_member URL`.

Each line of its input names a number of bytes: a file of that size is uploaded, and then received. It prints how many seconds
each took, and by how many bytes each made the process larger at its peak.
"""

from __future__ import annotations

import gc
import json
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore
from cometconn.environment import SystemEnvironment

from .encryption import client_context

__all__ = ["main"]

_PIECE = 1024 * 1024
_STATUS = pathlib.Path("/proc/self/status")


def _memory(name: str) -> int:
    """Return a figure of this process in bytes: `VmRSS`, or its peak, `VmHWM`."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _begin_peak() -> int:
    """Let the peak begin anew, and return the memory of this process in bytes."""
    gc.collect()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


async def _measured(name: str, call: Callable[[], Awaitable[Any]]) -> tuple[Any, dict[str, float]]:
    before, began = _begin_peak(), time.perf_counter()
    result = await call()
    took = time.perf_counter() - began
    return result, {f"{name}_seconds": took, f"{name}_bytes": _memory("VmHWM") - before}


async def _up_and_down(chat: CometChat, folder: pathlib.Path, size: int) -> dict[str, float]:
    path, copy = folder / "file.bin", folder / "copy.bin"
    with path.open("wb") as file:
        for _ in range(size // _PIECE):
            file.write(os.urandom(_PIECE))
    sent, up = await _measured("up", lambda: chat.send_media("amy-2", path))
    _, down = await _measured("down", lambda: chat.download(sent, copy))
    assert copy.stat().st_size == path.stat().st_size
    copy.unlink()
    return up | down


async def _run(url: str) -> None:
    settings = AppSettings(auto_establish_socket_connection=False)
    environment = SystemEnvironment(proxy="", ssl_context=client_context())
    with tempfile.TemporaryDirectory() as folder:
        async with cometconn.open_client(
            "APP", settings, store=MemoryStore(), endpoints=Endpoints.at(url), environment=environment
        ) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await _up_and_down(chat, pathlib.Path(folder), _PIECE)  # imports everything
            print(json.dumps({}), flush=True)
            for line in sys.stdin:
                print(json.dumps(await _up_and_down(chat, pathlib.Path(folder), json.loads(line)["size"])), flush=True)


def main() -> None:
    """Send and receive until the input ends."""
    trio.run(_run, sys.argv[1])


if __name__ == "__main__":
    main()
