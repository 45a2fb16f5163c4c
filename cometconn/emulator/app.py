"""The server as an ASGI application: REST and WebSocket at any path, answered by a `World`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeAlias

import attrs
import starlette.requests
import starlette.responses
import starlette.websockets
import trio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from cometconn.environment import Request

from .call import error_response
from .control import is_control
from .devices import Close, Device
from .log import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from cometconn.environment import Response

    from .stream import ControlledStream
    from .world import World

__all__ = ["BODY_LIMIT", "CLOSE_PATIENCE", "make_app"]

_PREFLIGHT_AGE = 600
"""So many seconds a browser may remember that it is welcome."""

BODY_LIMIT = 1_048_576
"""A longer request body, in bytes, is answered with 413."""

CLOSE_PATIENCE = 1.0
"""So many seconds the client has to answer a close frame; then its TCP connection is closed."""


Answer: TypeAlias = "Callable[[Request], Response]"


def make_app(world: World, control: Answer | None = None) -> Starlette:
    """Make the application. Each scope's state must hold the connection's `ControlledStream` as `stream`.

    *control* answers what is below `/control/`; without it there is nothing there.
    """
    everybody = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], max_age=_PREFLIGHT_AGE
    )
    return Starlette(
        routes=[Route("/{path:path}", _Rest(world, control)), WebSocketRoute("/{path:path}", _Socket(world))],
        middleware=[everybody],
    )


@attrs.frozen
class _Rest:
    """The HTTP side. An object, because Starlette lets those have every method."""

    world: World
    control: Answer | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = starlette.requests.Request(scope)
        try:
            body = await _read(receive)
        except EOFError:
            return  # the client went away in the middle of its request: nobody to answer
        request = Request(came.method, _url(scope), dict(came.headers), body or None)
        control = self.control if is_control(request.url) else None
        if control is None and self.world.hangs(request):
            await _wait_gone(receive)
            return
        if len(body) > BODY_LIMIT:
            answer = error_response(413, "ERR_PAYLOAD_TOO_LARGE", f"The body is longer than {BODY_LIMIT} bytes.")
        else:
            answer = (control or self.world.answer)(request)
        if control is None:
            await trio.sleep(self.world.faults.rest_delay)
        await _as_starlette(answer)(scope, receive, send)


@attrs.frozen
class _Socket:
    """The WebSocket side: one call per connection."""

    world: World

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream: ControlledStream = scope["state"]["stream"]
        websocket = starlette.websockets.WebSocket(scope, receive, send)
        device = Device(stream, path=scope["path"])
        stream.watch(functools.partial(self.world.wire, device))
        self.world.asked(device)
        upgrade = self.world.faults.upgrade
        try:
            await websocket.receive()  # ASGI's "connect", always the first
            if isinstance(upgrade, int):
                await self._refuse(websocket, device, upgrade)
            elif upgrade == "hang":
                await _wait_gone(receive)
            else:
                stream.expect_frames()
                date = [(name.encode(), value.encode()) for name, value in self.world.date().items()]
                await websocket.accept(headers=date)
                self.world.accepted(device)
                await self._talk(websocket, device, stream)
        finally:
            self.world.closed(device, "cut")

    async def _refuse(self, websocket: starlette.websockets.WebSocket, device: Device, status: int) -> None:
        message = "The server was told to refuse WebSocket upgrades."
        headers = {**self.world.faults.headers(self.world.now()), **self.world.date()}
        answer = error_response(status, "ERR_UPGRADE_REFUSED", message, headers)
        self.world.refused(device, status)
        await websocket.send_denial_response(_as_starlette(answer))

    async def _talk(self, websocket: starlette.websockets.WebSocket, device: Device, stream: ControlledStream) -> None:
        """Carry frames both ways until the connection is over."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_drain, self.world, device, websocket)
            nursery.start_soon(_lose_patience, stream)
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                text = message.get("text")
                if text is None:
                    self.world.log.add(Kind.IGNORED, device.number, device.uid, why="not a text frame")
                else:
                    self.world.received(device, text)
            nursery.cancel_scope.cancel(reason="the WebSocket is over")


async def _drain(world: World, device: Device, websocket: starlette.websockets.WebSocket) -> None:
    """Write what the world queued. The only task that writes text frames and our goodbye."""
    while True:
        order = await device.next_order()
        if isinstance(order, Close):
            await websocket.close(order.code, order.reason)
            return
        await websocket.send_text(order.text)
        world.sent(device, order.text)


async def _lose_patience(stream: ControlledStream) -> None:
    """Close TCP when a close frame of ours stays without an answer."""
    await stream.close_sent.wait()
    await trio.sleep(CLOSE_PATIENCE)
    if not stream.silent:
        stream.cut()


async def _wait_gone(receive: Receive) -> None:
    """Wait, answering nothing, until the client is gone."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass


async def _read(receive: Receive) -> bytes:
    """Read the body; of one that is too long, no more than shows it. Raises `EOFError` when it stops short."""
    body = bytearray()
    while len(body) <= BODY_LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _url(scope: Scope) -> str:
    query = scope["query_string"].decode("ascii", "replace")
    host, port = scope["server"]
    return f"http://{host}:{port}{scope['raw_path'].decode('ascii', 'replace')}{'?' + query if query else ''}"


def _as_starlette(response: Response) -> starlette.responses.Response:
    return starlette.responses.Response(response.body, response.status, dict(response.headers))
