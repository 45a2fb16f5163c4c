"""The server as an ASGI application: REST and WebSocket at every path, answered by a `World`."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

import attrs
import starlette.requests
import starlette.responses
import starlette.websockets
import trio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from cometconn._environment import Request
from cometconn.emulator.backend.responses import error_response
from cometconn.emulator.log import Kind
from cometconn.emulator.world.devices import Close, Device

if TYPE_CHECKING:
    import io

    from starlette.types import ASGIApp, Receive, Scope, Send

    from cometconn._environment import Response
    from cometconn.emulator.backend.form import Form
    from cometconn.emulator.backend.sans_io import World
    from cometconn.emulator.control_api import ControlApi
    from cometconn.emulator.log_watch import LogWatch

    from .controlled_stream import ControlledStream

__all__ = ["CLOSE_TIMEOUT", "CONTROL_BODY_LIMIT", "make_app"]

_PREFLIGHT_AGE = 600
"""Seconds that a browser may keep the answer to a preflight request."""

CONTROL_BODY_LIMIT = 1_048_576
"""A longer body of a request to the controls, in bytes, is answered with 413."""

_CUT_AFTER = 65_536
"""Bytes of a form after which the fault `upload` cuts the connection."""

_PIECE = 65_536
"""Bytes of a file that are read and sent at once."""

CLOSE_TIMEOUT = 1.0
"""Seconds that the client has to answer a close frame; then its TCP connection is closed."""

_EVENT_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


def make_app(world: World, control: ControlApi | None = None) -> Starlette:
    """Make the application. Each scope's state must hold the connection's `ControlledStream` as `stream`.

    *control* answers the requests that concern it; without it they go to the `World`, like all others. Pages of every
    origin may read the responses of the `World`, as with CometChat's servers, and none those of *control*.
    """
    every_origin = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], max_age=_PREFLIGHT_AGE
    )
    own = [] if control is None else [Middleware(_Controls, control=control)]
    return Starlette(
        routes=[Route("/{path:path}", _Rest(world)), WebSocketRoute("/{path:path}", _Socket(world))],
        middleware=[*own, every_origin],
    )


@attrs.frozen
class _Controls:
    """Serves the controls and the page before the rest of the application, whose responses are for every origin."""

    app: ASGIApp
    control: ControlApi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.control.concerns(url := _url(scope)):
            await self.app(scope, receive, send)
            return
        came = starlette.requests.Request(scope)
        await _control(self.control, Request(came.method, url, dict(came.headers)), scope, receive, send)


@attrs.frozen
class _Rest:
    """The HTTP side. An object, because Starlette passes every method to one; to a function only GET and HEAD."""

    world: World

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = starlette.requests.Request(scope)
        request = Request(came.method, _url(scope), dict(came.headers))
        form = self.world.form(request)
        try:
            await self._serve(request, form, scope, receive, send)
        finally:
            if form is not None:
                form.abandon()

    async def _serve(self, request: Request, form: Form | None, scope: Scope, receive: Receive, send: Send) -> None:
        stream: ControlledStream = scope["state"]["stream"]
        cut = form is not None and self.world.cuts_upload(request)
        limit = self.world.limits.body_size
        try:
            body = await (_read(receive, limit) if form is None else _read_form(receive, form, cut=cut))
        except EOFError:
            return  # the client closed the connection in the middle of its request
        if cut:
            stream.reset()
            return
        request = attrs.evolve(request, body=body or None)
        if self.world.hangs(request):
            await _wait_disconnected(receive)
            return
        file = None
        if len(body) > limit:
            response = _too_long(limit)
        else:
            response, file = self.world.respond(request, form)
        # Opened at once: while this request waits, newer files may push this one out.
        with contextlib.nullcontext() if file is None else file.path.open("rb", buffering=0) as content:
            await trio.sleep(self.world.faults.rest_delay)
            if self.world.cuts(request):
                stream.reset()
            elif content is None:
                await _as_starlette(response)(scope, receive, send)
            else:
                cut = self.world.cuts_download(request)
                await _send_file(response, content, send, stream if cut else None)


async def _control(control: ControlApi, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request to the controls, or send the log for as long as the client reads it."""
    try:
        body = await _read(receive, CONTROL_BODY_LIMIT)
    except EOFError:
        return  # the client closed the connection in the middle of its request
    request = attrs.evolve(request, body=body or None)
    with control.watch(request) as watch:
        if watch is None:
            is_long = len(body) > CONTROL_BODY_LIMIT
            response = _too_long(CONTROL_BODY_LIMIT) if is_long else control.respond(request)
            await _as_starlette(response)(scope, receive, send)
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_log, watch, send)
            await _wait_disconnected(receive)
            nursery.cancel_scope.cancel(reason="the reader of the log is gone")


async def _send_log(watch: LogWatch, send: Send) -> None:
    """Send the log, each event after the one before was written: a slow reader slows down only itself."""
    await send({"type": "http.response.start", "status": 200, "headers": _EVENT_HEADERS})
    while True:
        await send({"type": "http.response.body", "body": await watch.next_chunk(), "more_body": True})


@attrs.frozen
class _Socket:
    """The WebSocket side: one call per connection."""

    world: World

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream: ControlledStream = scope["state"]["stream"]
        websocket = starlette.websockets.WebSocket(scope, receive, send)
        port = None if scope["client"] is None else scope["client"][1]
        device = Device(stream, scope["path"], self.world.limits.waiting_frames, port)
        stream.watch(functools.partial(self.world.wire, device))
        self.world.asked(device)
        upgrade = self.world.faults.upgrade
        try:
            await websocket.receive()  # ASGI's "connect", always the first
            if isinstance(upgrade, int):
                await self._refuse(websocket, device, upgrade)
            elif upgrade == "hang":
                await _wait_disconnected(receive)
            else:
                stream.expect_frames()
                date = [(name.encode(), value.encode()) for name, value in self.world.date().items()]
                await websocket.accept(headers=date)
                self.world.accepted(device)
                await self._exchange(websocket, device, stream)
        finally:
            self.world.closed(device, "cut")

    async def _refuse(self, websocket: starlette.websockets.WebSocket, device: Device, status: int) -> None:
        message = "The server is set to refuse WebSocket upgrades."
        headers = {**self.world.faults.headers(self.world.now()), **self.world.date()}
        response = error_response(status, "ERR_UPGRADE_REFUSED", message, headers)
        self.world.refused(device, status)
        await websocket.send_denial_response(_as_starlette(response))

    async def _exchange(
        self, websocket: starlette.websockets.WebSocket, device: Device, stream: ControlledStream
    ) -> None:
        """Carry frames both ways until the connection is over."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write_orders, self.world, device, websocket)
            nursery.start_soon(_cut_after_timeout, stream)
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                text = message.get("text")
                if text is None:
                    self.world.log.add(Kind.IGNORED, device.number, device.uid, why="not a text frame")
                else:
                    self.world.received(device, text)
            nursery.cancel_scope.cancel(reason="the WebSocket is over")


async def _write_orders(world: World, device: Device, websocket: starlette.websockets.WebSocket) -> None:
    """Write what the world queued. The only task that writes text frames and the server's close frame."""
    while True:
        order = await device.next_order()
        if isinstance(order, Close):
            await websocket.close(order.code, order.reason)
            return
        await websocket.send_text(order.text)
        world.sent(device, order.text)


async def _cut_after_timeout(stream: ControlledStream) -> None:
    """Close TCP when the client does not answer the server's close frame in time."""
    await stream.close_sent.wait()
    await trio.sleep(CLOSE_TIMEOUT)
    if not stream.silent:
        stream.cut()


async def _wait_disconnected(receive: Receive) -> None:
    """Wait, answering nothing, until the client has disconnected."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass


async def _send_file(response: Response, content: io.FileIO, send: Send, cut: ControlledStream | None) -> None:
    """Send a file piece by piece. With *cut* send its first half, and reset that stream."""
    size, sent = int(response.headers["content-length"]), 0
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    while True:
        piece = content.read(min(_PIECE, (size // 2 if cut else size) - sent))
        if cut is not None and not piece:
            cut.reset()
            return
        sent += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": sent < size})
        if sent == size:
            return


async def _read_form(receive: Receive, form: Form, *, cut: bool) -> bytes:
    """Pass the body to *form*; with *cut* only its beginning. Raises `EOFError` when it is not complete."""
    while not (cut and form.received >= _CUT_AFTER):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        form.feed(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b""


async def _read(receive: Receive, limit: int) -> bytes:
    """Read the body, but not much more than *limit* bytes of it. Raises `EOFError` when it is not complete."""
    body = bytearray()
    while len(body) <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _too_long(limit: int) -> Response:
    return error_response(413, "ERR_PAYLOAD_TOO_LARGE", f"The body is longer than {limit} bytes.")


def _url(scope: Scope) -> str:
    query = scope["query_string"].decode("ascii", "replace")
    host, port = scope["server"]
    return f"http://{host}:{port}{scope['raw_path'].decode('ascii', 'replace')}{'?' + query if query else ''}"


def _as_starlette(response: Response) -> starlette.responses.Response:
    return starlette.responses.Response(response.body, response.status, dict(response.headers))
