"""A byte stream that is a plain socket: what Trio's own calls do, without a checkpoint on either side of the system's.

Everything here is for a stream that nobody else reads, or writes to, at that moment, and of no use for TLS.
"""

from __future__ import annotations

import os
import sys
from typing import TypeGuard

import trio

__all__ = ["receive_some", "write_nowait"]


async def receive_some(stream: trio.abc.Stream, most: int) -> bytes | bytearray:
    """Do `stream.receive_some(most)`; a bare socket is read when there is something, and not asked before.

    Trio asks the socket first and waits when there is nothing, since it cannot know; here something has just been read,
    so there is nothing as a rule, and to ask for it is a system call and an exception for each single message.
    """
    if not _is_bare(stream):
        return await stream.receive_some(most)
    socket = stream.socket
    while True:
        if socket.fileno() < 0:  # which `wait_readable` would take for somebody's mistake
            raise trio.ClosedResourceError
        try:
            await trio.lowlevel.wait_readable(socket)
            return os.read(socket.fileno(), most)
        except BlockingIOError:  # "readable" is a hint, no promise
            pass
        except OSError as error:
            kind = trio.ClosedResourceError if socket.fileno() < 0 else trio.BrokenResourceError
            raise kind from error


def write_nowait(stream: trio.abc.Stream, data: bytes) -> int:
    """Write what of *data* a bare socket takes without waiting; return how many bytes that were. Others take nothing."""
    if not _is_bare(stream):
        return 0
    try:
        return os.write(stream.socket.fileno(), data)
    except OSError:  # full, broken or closed: who waits for the stream will learn
        return 0


def _is_bare(stream: trio.abc.Stream) -> TypeGuard[trio.SocketStream]:
    return isinstance(stream, trio.SocketStream) and sys.platform != "win32"  # where a socket is no file
