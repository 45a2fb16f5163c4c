"""`cometconn doctor`: the WebSocket upgrade, the auth frame and one ping, with the library's own WebSocket and frames."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

import attrs
import trio

from cometconn._client.version import client_info
from cometconn._connection.identity import Identity
from cometconn._groups import open_nursery
from cometconn._transport.abc import LongMessage, WebSocketError
from cometconn._transport.websocket import TrioWebSocket
from cometconn._wire.decoder import AuthReply, Pong, decode
from cometconn._wire.outgoing import ping_frame
from cometconn.errors import AuthenticationError
from cometconn.status import Reason

from .doctor_advice import socket_advice
from .doctor_findings import DoctorStep

if TYPE_CHECKING:
    from cometconn._account.session import Session
    from cometconn.settings import AppSettings

    from .doctor_account import DiagnosedAccount
    from .doctor_findings import Findings

_Reply = TypeVar("_Reply", AuthReply, Pong)

__all__ = ["check_socket"]

_CLOSE_TIMEOUT = 2.0  # seconds
_MOST = 64  # messages taken at a time


async def check_socket(
    findings: Findings, stream: trio.abc.Stream, url: str, account: DiagnosedAccount, settings: AppSettings
) -> None:
    """Take the steps over *stream* until one fails, and do the closing handshake. The caller closes *stream*."""
    socket_check = _SocketCheck(TrioWebSocket(stream, url, {}), account, settings)
    async with open_nursery() as nursery:
        nursery.start_soon(socket_check.websocket.upgrade, nursery)
        nursery.start_soon(socket_check.listen)
        await _steps(findings, socket_check, account)
        if socket_check.websocket.can_close:
            with trio.move_on_after(_CLOSE_TIMEOUT):
                await socket_check.websocket.close()
        nursery.cancel_scope.cancel(reason="cometconn: the check is over")


async def _steps(findings: Findings, socket_check: _SocketCheck, account: DiagnosedAccount) -> None:
    if not await findings.run(
        DoctorStep.UPGRADE, socket_check.open, lambda error: socket_advice(DoctorStep.UPGRADE, error)
    ):
        return
    session = account.session
    if session is None:
        for step in (DoctorStep.AUTH, DoctorStep.PING):
            findings.skip(step, "no user is logged in")
        return
    if await findings.run(
        DoctorStep.AUTH, lambda: socket_check.log_in(session), lambda error: socket_advice(DoctorStep.AUTH, error)
    ):
        await findings.run(DoctorStep.PING, socket_check.ping, lambda error: socket_advice(DoctorStep.PING, error))


@attrs.define(eq=False)
class _SocketCheck:
    """A WebSocket, and the replies that arrived on it."""

    websocket: TrioWebSocket
    account: DiagnosedAccount
    settings: AppSettings
    _incoming: trio.MemorySendChannel[AuthReply | Pong] = attrs.field(init=False)
    _replies: trio.MemoryReceiveChannel[AuthReply | Pong] = attrs.field(init=False)
    _failure: WebSocketError | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the channel."""
        self._incoming, self._replies = trio.open_memory_channel[AuthReply | Pong](16)

    async def listen(self) -> None:
        """Read until the connection is closed. Events are dropped: the user's other devices receive them, too."""
        with self._incoming:
            try:
                while True:
                    for message in (await self.websocket.messages(_MOST)).messages:
                        if isinstance(message, LongMessage):
                            continue
                        frame = decode(message, own_uid=None, session_id=None)
                        if isinstance(frame, AuthReply | Pong):
                            with contextlib.suppress(trio.WouldBlock):  # more replies than requests
                                self._incoming.send_nowait(frame)
            except WebSocketError as error:
                self._failure = error
        while (await self.websocket.messages(0)).size:
            pass

    async def open(self) -> str:
        """Wait for the upgrade."""
        await self.websocket.wait_open()
        return "HTTP status 101"

    async def log_in(self, session: Session) -> str:
        """Send the auth frame and wait for the reply."""
        api = self.account.api
        identity = Identity(api.app_id, api.session_id, api.device_id, client_info(), self.settings, None, {})
        identity.session = session
        await self.websocket.send(identity.auth_frame())
        reply = await self._next(AuthReply)
        if not reply.accepted:
            message = f"the server refused the auth token (code {api.secrets.masked_line(reply.code)})"
            raise AuthenticationError(message, reason=Reason.AUTHENTICATION_FAILED)
        return session.uid

    async def ping(self) -> str:
        """Send a ping frame and wait for the pong."""
        await self.websocket.send(ping_frame())
        await self._next(Pong)
        return "pong"

    async def _next(self, kind: type[_Reply]) -> _Reply:
        async for reply in self._replies:
            if isinstance(reply, kind):
                return reply
        assert self._failure is not None, "listen() has ended with it"
        raise self._failure
