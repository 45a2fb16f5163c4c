"""Accepts TCP connections and lets hypercorn speak HTTP on each.

Hypercorn's own `serve()` keeps its listeners and streams to itself. Here both are ours:
the listener can be closed and opened again on its port, and every stream is a
`ControlledStream` that the application finds in its scope's state.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import sys
from typing import TYPE_CHECKING

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from .stream import ControlledStream

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["FRAME_LIMIT", "Door", "listen"]

FRAME_LIMIT = 65_536
"""A longer frame, in characters, is answered with close code 1009."""

_BACKLOG = 128
_FILES_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_BREATH = 0.1

_logger = logging.getLogger("cometconn.emulator")


def listen(host: str, port: int) -> trio.SocketListener:
    """Open a listening socket on an IP address and port; port 0 lets the system choose.

    Raises `OSError` naming both when it cannot.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # where the option would let two servers share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    except OSError as error:
        sock.close()
        message = f"cannot listen on {host}, port {port}: {error.strerror}. Choose another port, or 0 for a free one."
        raise OSError(error.errno, message) from error


class Door:
    """The listener and the connections behind it.

    Attributes:
        address: IP address and port, whether it listens there now or not.
    """

    def __init__(self, app: ASGIApp, listener: trio.SocketListener) -> None:
        self._app = ASGIWrapper(app)  # type: ignore[arg-type] # two type descriptions of the same ASGI
        self._config = _make_config()
        self._context = WorkerContext(None)
        self.address: tuple[str, int] = listener.socket.getsockname()[:2]
        self._listener: trio.SocketListener | None = listener
        self._reopened = trio.lowlevel.ParkingLot()
        self._streams: set[ControlledStream] = set()
        self._emptied = trio.lowlevel.ParkingLot()

    def refuse_connections(self) -> None:
        """Close the listener: whoever connects now is refused by the system. Idempotent."""
        if self._listener is not None:
            self._listener.socket.close()
            self._listener = None

    def accept_connections(self) -> None:
        """Listen again on the same port. Idempotent. `OSError` when another process took it meanwhile."""
        if self._listener is None:
            self._listener = listen(*self.address)
            self._reopened.unpark_all()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept connections and serve them until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                stream = await self._accept()
                self._streams.add(stream)
                nursery.start_soon(self._serve_stream, stream)

    async def _accept(self) -> ControlledStream:
        while True:
            if self._listener is None:
                await self._reopened.park()
                continue
            try:
                return ControlledStream(await self._listener.accept())
            except trio.ClosedResourceError:  # refuse_connections()
                continue
            except OSError as error:
                if error.errno not in _FILES_EXHAUSTED:
                    raise
                _logger.warning("cannot accept a connection: %s", error.strerror)
                await trio.sleep(_BREATH)

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
    config.websocket_max_message_size = FRAME_LIMIT
    return config
