"""A bare Trio stream: bytes are read and counted, and nothing is parsed. No Trio program can be faster."""

from __future__ import annotations

import trio

from benchmarks.bare import open_bare
from benchmarks.frames import LENGTH

from .stopwatch import Reading, Stopwatch

__all__ = ["receive"]

_READ = 64 * 1024


async def _receive(port: int, warm: int, count: int) -> Reading:
    stream, surplus = await open_bare(port)
    async with stream:
        left = warm * LENGTH - surplus
        while left > 0:
            left -= len(await stream.receive_some(_READ))
        watch = Stopwatch()
        left += count * LENGTH
        while left > 0:
            left -= len(await stream.receive_some(_READ))
        return watch.read(count)


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive bytes."""
    return trio.run(_receive, port, warm, count)
