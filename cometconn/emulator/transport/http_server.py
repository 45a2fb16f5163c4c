"""Accepts TCP connections and runs hypercorn's HTTP on each.

Hypercorn's own `serve()` does not expose its listeners and streams. Here the listener can be
closed and opened again on its port, and each stream is a `ControlledStream`, which the
application finds in its scope's state.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from .controlled_stream import ControlledStream
from .http1_protocol import Http1Server

if TYPE_CHECKING:
    import ssl

    from starlette.types import ASGIApp

    from .listener import Listener

__all__ = ["HttpServer"]

_HANDSHAKE_TIMEOUT = 10.0
"""Seconds that a client has for the TLS handshake."""

_logger = logging.getLogger("cometconn.emulator")


class HttpServer:
    """Serves an ASGI application on the connections of a listener, with TLS if there is an *ssl_context*."""

    def __init__(
        self, app: ASGIApp, listener: Listener, ssl_context: ssl.SSLContext | None = None, *, frame_limit: int
    ) -> None:
        self._app = ASGIWrapper(app)  # type: ignore[arg-type] # two type descriptions of the same ASGI
        self._config = _make_config(frame_limit)
        self._context = WorkerContext(None)
        self._listener = listener
        self._ssl_context = ssl_context
        self._streams: set[ControlledStream] = set()
        self._emptied = trio.lowlevel.ParkingLot()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept connections and serve them until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                stream = self._stream(await self._listener.accept())
                self._streams.add(stream)
                nursery.start_soon(self._serve_stream, stream)

    def _stream(self, accepted: trio.SocketStream) -> ControlledStream:
        if self._ssl_context is None:
            return ControlledStream(accepted)
        # HTTP clients end a TLS connection without the closing message of TLS.
        return ControlledStream(trio.SSLStream(accepted, self._ssl_context, server_side=True, https_compatible=True))

    async def _serve_stream(self, stream: ControlledStream) -> None:
        """Run hypercorn on one connection. An error there is logged and does not touch the other connections."""
        state = ConnectionState({"stream": stream})
        try:
            try:
                with trio.fail_after(_HANDSHAKE_TIMEOUT):
                    await stream.handshake()
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                return  # not a TLS client, or one that does not trust the certificate
            await Http1Server(self._app, self._config, self._context, state, stream)  # type: ignore[arg-type] # it is annotated for TLS only
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
        """Stop listening, close all connections but the WebSockets that can exchange close frames, and wait for those.

        There is no time limit; set one with `trio.move_on_after` and call `cut()`.
        """
        self._listener.refuse_connections()
        await self._context.terminated.set()  # hypercorn's timers of idle connections wait for it
        for stream in tuple(self._streams):
            if stream.silent or not stream.upgraded:
                stream.cut()
        while self._streams:
            await self._emptied.park()


def _make_config(frame_limit: int) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = _logger.getChild("hypercorn")
    config.include_server_header = False
    config.include_date_header = False  # the `World` adds it, from its own clock
    config.websocket_max_message_size = frame_limit
    return config
