"""Runs one WebSocket, from the dial until its socket is closed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._network.loop_watch import loop_watch
from cometconn._network.os_errors import os_error_text
from cometconn._transport.abc import WebSocketError
from cometconn._transport.dial import local_port
from cometconn.errors import ApiError, ProtocolError

from .background_timeout import background_timeout
from .keepalive import keepalive
from .receive_loop import receive_loop
from .writer import Writer

if TYPE_CHECKING:
    from cometconn._environment import Environment
    from cometconn._streams.streams import Streams
    from cometconn._transport.abc import WebSocket, WebSocketFactory

    from .admission import Admission
    from .catch_up import CatchUp
    from .closing_handshake import ClosingHandshake
    from .identity import Identity
    from .link import Link
    from .machine import Machine
    from .position import PositionKeeper

__all__ = ["LinkNursery"]


@attrs.frozen(eq=False)
class LinkNursery:
    """Runs links, one at a time.

    Attributes:
        machine: everything that happens to a link is reported to it.
        identity: has the user and the URL.
        streams: the events are put into them.
        environment: opens the byte stream.
        admission: is awaited before the dial.
        open_websocket: makes a WebSocket from a byte stream.
        catch_up: fetches what was missed; `None` without `AppSettings(catch_up=True)`.
        positions: notes when the client was first connected: from then on messages can be fetched.
    """

    machine: Machine
    identity: Identity
    streams: Streams
    environment: Environment
    admission: Admission
    open_websocket: WebSocketFactory
    catch_up: CatchUp | None = None
    positions: PositionKeeper | None = None

    async def run(self, *, second: bool = False) -> None:
        """Open a link for the attempt under way, serve it until its lease ends, and close its socket.

        The nursery is shielded, because trio-websocket must still be read during the closing handshake. Its time is
        bounded all the same: by the lease, and then by `close_timeout`. The watcher turns cancellation from outside
        into the end of the lease. *second*: the token was refused once already, and renewed.
        """
        link: Link | None = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.cancel_scope.shield = True
                websocket: WebSocket | None = None
                async with trio.open_nursery() as leased:
                    # The nursery's own scope is the lease: one scope less for each connection.
                    link = self.machine.open_link(leased.cancel_scope, second=second)
                    leased.start_soon(background_timeout, self.machine, name="cometconn.background_timeout")
                    leased.start_soon(keepalive, self.machine, link, name="cometconn.keepalive")
                    await self._wait_admitted(link)
                    with loop_watch(), trio.move_on_at(link.attempt_ends):
                        if not link.over:
                            websocket = link.websocket = await self._dial(link)
                        if websocket is not None and not link.over:
                            await self._log_in(link, websocket, nursery, leased)
                    self.machine.tick()
                    if not link.over and self.catch_up is not None and self.catch_up.wanted:
                        leased.start_soon(self.catch_up.run, link, name="cometconn.catch_up")
                if websocket is not None:
                    await self._close(websocket)
                nursery.cancel_scope.cancel(reason="cometconn: the link is over")
        finally:
            if link is not None:
                self.machine.link_closed(link)

    async def _wait_admitted(self, link: Link) -> None:
        if self.admission.call is None:
            return
        try:
            await self.admission.wait_for_attempt(self.machine, link)
        except ApiError as error:
            self.machine.lost(link, error)
        finally:
            self.machine.tick()

    async def _dial(self, link: Link) -> WebSocket | None:
        try:
            url = self.identity.socket_url
        except ProtocolError as error:
            # The server's settings name no host; the next login or renewal may bring others.
            self.machine.lost(link, error)
            return None
        try:
            if (observer := self.machine.observer) is not None:
                observer.attempt_begun(link.number, url, second=link.second)
            link.step = f"dialling {url} (name lookup, TCP, proxy, TLS)"
            stream = await self.environment.dial(url)
            if observer is not None:
                observer.dialled(local_port(stream))
            limits = self.identity.settings.limits
            return self.open_websocket(stream, url, self.identity.headers, limits.max_message)
        except Exception as error:  # noqa: BLE001 - whatever an environment raises means that the attempt has failed
            self.machine.lost(link, _dial_error(url, error))
            return None
        finally:
            self.machine.tick()

    async def _log_in(self, link: Link, websocket: WebSocket, nursery: trio.Nursery, leased: trio.Nursery) -> None:
        """Start the tasks of the WebSocket and return when the client is authenticated.

        Those that the closing handshake needs are started in *nursery*, which outlives the lease.
        """
        link.step = "the answer to the WebSocket upgrade"
        nursery.start_soon(
            receive_loop,
            self.machine,
            link,
            websocket,
            self.identity,
            self.streams,
            self.catch_up,
            self.positions,
            name="cometconn.receive_loop",
        )
        link.upgrade_began = trio.current_time()
        await websocket.upgrade(nursery)
        if await self._wait_open(link, websocket):
            link.on_send = Writer(self.machine, link, websocket, leased).begin
            link.send_auth(self.identity.auth_frame())
            while not link.authenticated:
                await link.news.park()

    async def _wait_open(self, link: Link, websocket: WebSocket) -> bool:
        try:
            await websocket.wait_open()
        except WebSocketError as error:
            self.machine.lost(link, error)
        else:
            if self.machine.observer is not None and not link.over:
                self.machine.observer.upgraded()
        return not link.over

    async def _close(self, websocket: WebSocket) -> None:
        if websocket.can_close:
            with trio.CancelScope() as scope:
                handshake = self.machine.begin_closing_handshake(scope)
                await websocket.close(partial(self._note_close_frame, handshake))
        elif websocket.close_reply_pending:
            with trio.CancelScope() as scope:
                self.machine.begin_closing_handshake(scope)
                await websocket.wait_close_reply_written()
        elif websocket.close_frame_written and self.machine.observer is not None:
            self.machine.observer.close_frame_written()  # the server's close frame has already arrived
        await websocket.aclose_forcefully()
        if self.machine.observer is not None:
            self.machine.observer.socket_closed()

    def _note_close_frame(self, handshake: ClosingHandshake) -> None:
        handshake.note_written()
        if self.machine.observer is not None:
            self.machine.observer.close_frame_written()


def _dial_error(url: str, error: Exception) -> Exception:
    failed = OSError(f"{url} cannot be reached: {os_error_text(error)}")
    failed.__cause__ = error
    return failed
