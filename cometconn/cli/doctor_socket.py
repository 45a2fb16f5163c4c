"""`cometconn doctor` on the WebSocket: upgrade, auth frame, one ping, by the library's own door and frames."""

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
from .doctor_findings import Step

if TYPE_CHECKING:
    from cometconn._account.session import Session
    from cometconn.settings import AppSettings

    from .doctor_account import Patient
    from .doctor_findings import Findings

_Answer = TypeVar("_Answer", AuthReply, Pong)

__all__ = ["examine_socket"]

_GOODBYE = 2.0  # seconds
_MOST = 64  # messages taken at a time


async def examine_socket(
    findings: Findings, stream: trio.abc.Stream, url: str, patient: Patient, settings: AppSettings
) -> None:
    """Take the steps over *stream* until one fails, and say goodbye. The caller closes *stream*."""
    talk = _Talk(TrioWebSocket(stream, url, {}), patient, settings)
    async with open_nursery() as nursery:
        nursery.start_soon(talk.websocket.upgrade, nursery)
        nursery.start_soon(talk.listen)
        await _steps(findings, talk, patient)
        if talk.websocket.can_close:
            with trio.move_on_after(_GOODBYE):
                await talk.websocket.close()
        nursery.cancel_scope.cancel(reason="cometconn: the examination is over")


async def _steps(findings: Findings, talk: _Talk, patient: Patient) -> None:
    if not await findings.take(Step.UPGRADE, talk.open, lambda error: socket_advice(Step.UPGRADE, error)):
        return
    session = patient.session
    if session is None:
        for step in (Step.AUTH, Step.PING):
            findings.skip(step, "nobody is logged in")
        return
    if await findings.take(Step.AUTH, lambda: talk.log_in(session), lambda error: socket_advice(Step.AUTH, error)):
        await findings.take(Step.PING, talk.ping, lambda error: socket_advice(Step.PING, error))


@attrs.define(eq=False)
class _Talk:
    """A WebSocket, and what was heard on it."""

    websocket: TrioWebSocket
    patient: Patient
    settings: AppSettings
    _heard: trio.MemorySendChannel[AuthReply | Pong] = attrs.field(init=False)
    _answers: trio.MemoryReceiveChannel[AuthReply | Pong] = attrs.field(init=False)
    _failure: WebSocketError | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin."""
        self._heard, self._answers = trio.open_memory_channel[AuthReply | Pong](16)

    async def listen(self) -> None:
        """Read until the end, the goodbye included. Events are dropped: somebody else listens for them."""
        with self._heard:
            try:
                while True:
                    for message in (await self.websocket.messages(_MOST)).messages:
                        if isinstance(message, LongMessage):
                            continue
                        heard = decode(message, own_uid=None, session_id=None)
                        if isinstance(heard, AuthReply | Pong):
                            with contextlib.suppress(trio.WouldBlock):  # more answers than questions
                                self._heard.send_nowait(heard)
            except WebSocketError as error:
                self._failure = error
        while (await self.websocket.messages(0)).size:
            pass

    async def open(self) -> str:
        """Wait for the upgrade."""
        await self.websocket.wait_open()
        return "HTTP status 101"

    async def log_in(self, session: Session) -> str:
        """Send the auth frame and wait for its answer."""
        api = self.patient.api
        identity = Identity(api.app_id, api.session_id, api.device_id, client_info(), self.settings, None, {})
        identity.session = session
        await self.websocket.send(identity.auth_frame())
        reply = await self._next(AuthReply)
        if not reply.accepted:
            message = f"the server refused the auth token (code {api.secrets.line(reply.code)})"
            raise AuthenticationError(message, reason=Reason.AUTHENTICATION_FAILED)
        return session.uid

    async def ping(self) -> str:
        """Send a ping frame and wait for the pong."""
        await self.websocket.send(ping_frame())
        await self._next(Pong)
        return "pong"

    async def _next(self, kind: type[_Answer]) -> _Answer:
        async for heard in self._answers:
            if isinstance(heard, kind):
                return heard
        assert self._failure is not None, "listening ended so"
        raise self._failure
