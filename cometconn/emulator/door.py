"""Accepts TCP connections and lets hypercorn speak HTTP on each.

Hypercorn's own `serve()` keeps its listeners and streams to itself. Here both are ours:
the listener can be closed and opened again on its port, and every stream is a
`ControlledStream` that the application finds in its scope's state.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from .listener import Listener
from .stream import ControlledStream

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["FRAME_LIMIT", "Door"]

FRAME_LIMIT = 65_536
"""A longer frame, in characters, is answered with close code 1009."""

_logger = logging.getLogger("cometconn.emulator")


class Door:
    """The listener and the connections behind it."""

    def __init__(self, app: ASGIApp, listener: trio.SocketListener) -> None:
        self._app = ASGIWrapper(app)  # type: ignore[arg-type] # two type descriptions of the same ASGI
        self._config = _make_config()
        self._context = WorkerContext(None)
        self._listener = Listener(listener)
        self._streams: set[ControlledStream] = set()
        self._emptied = trio.lowlevel.ParkingLot()

    @property
    def address(self) -> tuple[str, int]:
        """IP address and port, whether it listens there now or not."""
        return self._listener.address

    def refuse_connections(self) -> None:
        """Close the listener: whoever connects now is refused by the system. Idempotent."""
        self._listener.refuse_connections()

    def accept_connections(self) -> None:
        """Listen again on the same port. Idempotent. `OSError` when another process took it meanwhile."""
        self._listener.accept_connections()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept connections and serve them until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                stream = ControlledStream(await self._listener.accept())
                self._streams.add(stream)
                nursery.start_soon(self._serve_stream, stream)

    async def _serve_stream(self, stream: ControlledStream) -> None:
        """Run hypercorn on one connection. Whatever happens there, the others go on."""
        state = ConnectionState({"stream": stream})
        try:
            await TCPServer(self._app, self._config, self._context, state, stream)  # type: ignore[arg-type] # it wants TLS, and takes anything
        except* Exception:
            _logger.exception("a connection failed")
        finally:
            stream.cut()
            self._streams.discard(stream)
            if not self._streams:
                self._emptied.unpark_all()

    def cut(self) -> None:
        """Close every connection now."""
        for stream in tuple(self._streams):
            stream.cut()

    async def stop(self) -> None:
        """Accept nothing more, keep only the WebSockets that can say goodbye, and wait until those have ended."""
        self.refuse_connections()
        await self._context.terminated.set()  # hypercorn's timers of idle connections wait for it
        for stream in tuple(self._streams):
            if stream.silent or not stream.upgraded:
                stream.cut()
        while self._streams:
            await self._emptied.park()


def _make_config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = _logger.getChild("hypercorn")
    config.include_server_header = False
    config.include_date_header = False  # the world's clock stamps the answers
    config.websocket_max_message_size = FRAME_LIMIT
    return config
