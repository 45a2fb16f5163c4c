"""HTTP/1.1 and nothing else, with a check of every request's head before hypercorn acts upon it.

Hypercorn trusts some parts of a head that h11 lets pass: letters beyond ASCII in the fields of a WebSocket handshake, for
example, end its task with a traceback. It also offers HTTP/2 without TLS, which CometChat's API does not have.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.tcp_server import TCPServer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Http1Protocol", "Http1Server", "origin_form"]

_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]{0,5})?")
_TARGET: Final = re.compile(rb"[!-\"$-~]+")  # visible ASCII without #, which begins what no client sends
_HANDSHAKE_FIELDS: Final = (b"connection", b"upgrade", b"sec-websocket-")
_VERSIONS: Final = (b"1.0", b"1.1")


def origin_form(target: bytes) -> bytes | None:
    """Return the path and query of a request's target (RFC 9112, section 3.2), or `None` if it is not valid.

    A client may send a whole URL, as to a proxy. `*` is the whole server, which `/` stands for here.
    """
    if target == b"*":
        return b"/"
    if not _TARGET.fullmatch(target):
        return None
    if target.startswith(b"/"):
        return target
    scheme, colon, rest = target.partition(b"://")
    host, slash, path = rest.partition(b"/")
    if scheme.lower() not in {b"http", b"https"} or not colon or not _HOST.fullmatch(host):
        return None
    return b"/" + path if slash else b"/"


class Http1Protocol(H11Protocol):
    """Hypercorn's HTTP/1.1 on one connection, with the check. What is not valid is answered with an error and ends it."""

    async def handle(self, event: Event) -> None:
        """Act upon bytes, or upon the end of the connection."""
        # As in `_refusal()`. Hypercorn would write two answers, and fail at the second one.
        too_early = isinstance(self.stream, WSStream) and not self.stream.handshake.accepted
        if too_early and isinstance(event, RawData) and event.data:
            await self.send(Closed())
        else:
            await super().handle(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Stay with HTTP/1.1, whatever a client offers to upgrade to."""

    async def _create_stream(self, request: h11.Request) -> None:
        target = origin_form(request.target)
        status = self._refusal(request) if target is not None else HTTPStatus.BAD_REQUEST
        if status is not None:
            await self._send_error_response(status)
            await self.send(Closed())
        elif target == request.target:
            await super()._create_stream(request)
        else:
            await super()._create_stream(
                h11.Request(
                    method=request.method,
                    target=target or b"/",
                    headers=list(request.headers),
                    http_version=request.http_version,
                )
            )

    def _refusal(self, request: h11.Request) -> HTTPStatus | None:
        """Return the status with which this head is refused; `None` if it is valid."""
        if request.http_version not in _VERSIONS:
            return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        if request.method == b"CONNECT" or (request.target == b"*" and request.method != b"OPTIONS"):
            return HTTPStatus.BAD_REQUEST
        for name, value in request.headers:
            if name == b"host" and not _is_host(value):
                return HTTPStatus.BAD_REQUEST
            if name.startswith(_HANDSHAKE_FIELDS) and not value.isascii():
                return HTTPStatus.BAD_REQUEST
            # RFC 6455, section 4.1: a client sends no frame before it has the answer to its handshake.
            if name == b"upgrade" and value.lower() == b"websocket" and self.connection.trailing_data[0]:
                return HTTPStatus.BAD_REQUEST
        return None


def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    return found is not None and int((found[2] or b":")[1:] or b"0") <= 65535  # noqa: PLR2004 - the last port


class Http1Server(TCPServer):
    """Hypercorn's server of one connection, with `Http1Protocol` in place of its choice of protocols."""

    async def _read_data(self) -> None:
        made = self.protocol
        arguments: tuple[object, ...] = (made.app, made.config, made.context, made.task_group, made.state)
        make: Callable[..., Http1Protocol] = Http1Protocol
        made.protocol = make(*arguments, made.ssl, made.client, made.server, made.send)
        await super()._read_data()
        await self.idle_task.stop()  # the client has closed its side: there is no further request to wait 5 s for
