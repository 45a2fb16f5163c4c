"""Between the client of a script and the server: it counts the sockets, and lets REST through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from .memory_stream import MemorySocket

if TYPE_CHECKING:
    from cometconn.environment import Request, Response

    from .memory_server import MemoryServer

__all__ = ["ScriptEnvironment"]


@attrs.define(eq=False)
class ScriptEnvironment:
    """The client's environment: the memory server's, but REST is always reached.

    Attributes:
        server: where all leads to.
        watched: set when a new client's statuses are watched: until then its dials wait, so that none is missed.
        most_sockets: the largest number of sockets so far, open on the client's side or being dialled.
    """

    server: MemoryServer
    most_sockets: int = attrs.field(default=0, init=False)
    watched: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _dialling: int = attrs.field(default=0, init=False)
    _sockets: list[MemorySocket] = attrs.field(factory=list, init=False)

    @property
    def open_sockets(self) -> int:
        """How many the client has not closed."""
        return sum(not socket.closed for socket in self._sockets)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial the memory server, and count at that instant: two that overlap only for a moment are two."""
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
        """Answer, whether dials succeed or not; late or never where the server was told so."""
        await trio.lowlevel.checkpoint()
        world = self.server.world
        if world.hangs(request):
            await trio.sleep_forever()
        answer = world.answer(request)
        await trio.sleep(world.faults.rest_delay)
        return answer

    def boot_time(self) -> float:
        """As the memory server."""
        return self.server.boot_time()

    def random(self) -> float:
        """As the memory server: always the middle."""
        return self.server.random()
