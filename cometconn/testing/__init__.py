"""Test your own program against CometChat without a network.

`open_memory_server()` gives a whole server in Trio's own thread: with
`trio.testing.MockClock` hours pass in an instant. For real sockets there is
`cometconn.emulator`.
"""

from __future__ import annotations

from .memory_server import MemoryServer as MemoryServer
from .memory_server import open_memory_server as open_memory_server
from .memory_stream import MemorySocket as MemorySocket
from .memory_stream import memory_socket_pair as memory_socket_pair

__all__ = ["MemoryServer", "MemorySocket", "memory_socket_pair", "open_memory_server"]
