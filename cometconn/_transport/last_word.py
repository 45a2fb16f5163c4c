"""The close frame, written in one step where the byte stream is a plain socket."""

from __future__ import annotations

import os
import sys
from typing import Final

import trio

__all__ = ["close_frame", "write_nowait"]

_FIN_CLOSE: Final = 0x88
_MASKED: Final = 0x80


def close_frame(code: int) -> bytes:
    """Return a client's close frame with *code* and no reason (RFC 6455, sections 5.2 and 5.5.1)."""
    mask = os.urandom(4)
    return bytes((_FIN_CLOSE, _MASKED | 2, *mask, code >> 8 ^ mask[0], code & 0xFF ^ mask[1]))


def write_nowait(stream: trio.abc.Stream, data: bytes) -> int:
    """Write what of *data* the stream takes without waiting; return how many bytes that were.

    Trio has no such call: its sends are checkpoints, before and behind the system's. So this is for a bare TCP
    socket that nobody is writing to; there it is what Trio does between the two. TLS takes nothing.
    """
    if not isinstance(stream, trio.SocketStream) or sys.platform == "win32":  # where a socket is no file
        return 0
    try:
        return os.write(stream.socket.fileno(), data)
    except OSError:  # full, broken or closed: who waits for the stream will learn
        return 0
