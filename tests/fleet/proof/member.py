"""What the programs of workers and consumers have in common."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import trio

from cometconn.fleet import Engine, RedisEngine, SQLiteEngine

__all__ = ["engine_of", "on_sigterm", "until_parent_ends", "write_line"]


def engine_of(given: dict[str, Any]) -> Engine:
    """Return the engine that the argument of the program describes."""
    return RedisEngine(given["url"]) if "url" in given else SQLiteEngine(given["path"])


def write_line(file: int, *words: object) -> None:
    """Append one line in one call, so that the lines of several processes are in the order of their writes."""
    os.write(file, (" ".join(map(str, words)) + "\n").encode())


async def until_parent_ends(scope: trio.CancelScope) -> None:
    """Cancel *scope* when the standard input ends: the proof has ended, perhaps by a signal."""
    async for _ in trio.lowlevel.FdStream(os.dup(0)):
        pass
    scope.cancel()


async def on_sigterm(call: Callable[[], object], *, task_status: trio.TaskStatus[None]) -> None:
    """Call a function at the first SIGTERM."""
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            call()
