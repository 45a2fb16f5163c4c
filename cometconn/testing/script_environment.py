"""The environment of a script's client: it counts sockets, and REST requests always reach the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from .memory_server import respond
from .memory_stream import MemorySocket

if TYPE_CHECKING:
    from cometconn.environment import Request, Response

    from .memory_server import MemoryServer

__all__ = ["ScriptEnvironment"]


@attrs.define(eq=False)
class ScriptEnvironment:
    """The memory server's environment, except that REST requests reach the server whatever `dialling` is.

    Attributes:
        server: the memory server.
        watched: set when the statuses of a new client are recorded. Its dials wait for that, so that no status is
            missed.
        most_sockets: the largest number of sockets so far that were open on the client's side or being dialled.
    """

    server: MemoryServer
    most_sockets: int = attrs.field(default=0, init=False)
    watched: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _dialling: int = attrs.field(default=0, init=False)
    _sockets: list[MemorySocket] = attrs.field(factory=list, init=False)

    @property
    def open_sockets(self) -> int:
        """The number of sockets that the client has not closed."""
        return sum(not socket.closed for socket in self._sockets)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial the memory server. The socket counts from the start of the dial, so that even a short overlap is seen."""
        await self.watched.wait()
        self._dialling += 1
        self.most_sockets = max(self.most_sockets, self.open_sockets + self._dialling)
        try:
            stream = await self.server.dial(url)
        finally:
            self._dialling -= 1
        assert isinstance(stream, MemorySocket), "the memory server's"
        self._sockets = [socket for socket in self._sockets if not socket.closed]
        self._sockets.append(stream)
        return stream

    async def request(self, request: Request) -> Response:
        """Return the server's response, whether dials succeed or not."""
        await trio.lowlevel.checkpoint()
        return await respond(self.server.world, request)

    def boot_time(self) -> float:
        """Return the memory server's boot time."""
        return self.server.boot_time()

    def random(self) -> float:
        """Return the memory server's jitter: always 0.5, unless a test changes it."""
        return self.server.random()
