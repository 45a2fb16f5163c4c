"""Reading and writing a plain socket as Trio does, with fewer checkpoints and system calls, and long reads in turns.

Only for a stream that no other task reads, or writes, at that moment. Other streams take Trio's own way, or their own.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, TypeGuard

import trio

from .read_turns import wait_read_turn

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["is_bare", "receive_some", "send_some", "unsent", "write_nowait"]

_SHORT: Final = 16 * 1024  # bytes of the largest read that is done as soon as the socket is readable: a TLS record


def receive_some(stream: trio.abc.Stream, most: int) -> Awaitable[bytes | bytearray]:
    """Do `stream.receive_some(most)`; a bare socket is waited for first, and then read.

    Trio reads first, and waits if there is nothing. The receive loop has just read everything, so that there is nothing
    as a rule, and the attempt would cost a system call and an exception for each message.

    If *most* is over 16 KiB, a readable bare socket waits for its turn: see `read_turns`. If cancelled, nothing was read.
    """
    return _receive_some(stream.socket, most) if is_bare(stream) else stream.receive_some(most)


async def _receive_some(socket: trio.socket.SocketType, most: int) -> bytes:
    while True:
        descriptor = socket.fileno()
        if descriptor < 0:  # for which `wait_readable` would raise a ValueError
            raise trio.ClosedResourceError
        try:
            await trio.lowlevel.wait_readable(descriptor)  # of a socket it would only ask for this number again
            if most > _SHORT:
                await wait_read_turn()
            return os.read(socket.fileno(), most)  # asked for again: it may have been closed, and the number given away
        except BlockingIOError:  # a socket that was reported readable may have nothing
            pass
        except OSError as error:
            kind = trio.ClosedResourceError if socket.fileno() < 0 else trio.BrokenResourceError
            raise kind from error


async def send_some(socket_stream: trio.SocketStream, data: bytes | bytearray) -> int:
    """Write as much of *data* as the socket takes, after waiting until it takes something; return how many bytes.

    Raises `trio.BrokenResourceError` or `trio.ClosedResourceError`. If cancelled, nothing was written.
    """
    socket = socket_stream.socket
    while True:
        if socket.fileno() < 0:
            raise trio.ClosedResourceError
        try:
            return os.write(socket.fileno(), data)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(socket)
        except OSError as error:
            kind = trio.ClosedResourceError if socket.fileno() < 0 else trio.BrokenResourceError
            raise kind from error


def write_nowait(stream: trio.abc.Stream, data: bytes | bytearray) -> int:
    """Write as much of *data* as the stream takes without waiting; return how many bytes.

    A bare socket takes what fits. A stream with a `write_nowait()` of its own takes all or nothing. Others take none.
    """
    if not is_bare(stream):
        own = getattr(stream, "write_nowait", None)
        return 0 if own is None else own(data)
    try:
        return os.write(stream.socket.fileno(), data)
    except OSError:  # full, broken or closed: the next wait for the stream finds out which
        return 0


def unsent(stream: trio.abc.Stream) -> bool:
    """Return whether the stream holds something that it has taken and not sent. `send_all(b"")` sends it."""
    return getattr(stream, "unsent", False)


def is_bare(stream: trio.abc.Stream) -> TypeGuard[trio.SocketStream]:
    """Return whether the stream is a socket that can be read and written here as a file."""
    # Not `isinstance()`: for another stream it asks the abstract base class of all streams, and nothing can be derived
    # from `SocketStream`. On Windows a socket is not a file.
    return type(stream) is trio.SocketStream and sys.platform != "win32"
