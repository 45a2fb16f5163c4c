"""The clients that Autobahn's server examines: each sends every message back, or collects them."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import trio
import trio_websocket

from cometconn._transport.abc import WebSocketError
from cometconn._transport.frames import BINARY, client_frame
from cometconn._transport.text_frame_scanner import MOST, TextFrameScanner
from cometconn._transport.websocket import TrioWebSocket

__all__ = ["CLIENTS", "OURS", "Client"]

Client: TypeAlias = Callable[[str, list[str | bytes] | None], Awaitable[None]]
"""Opens the WebSocket of this URL, and sends each message back until it is closed; with a list, it collects them there."""

_CLOSE = 1.0  # seconds for our reply to a close frame


class _EchoingWebSocket(TrioWebSocket):
    """A `TrioWebSocket` that also sends binary messages and the query of its URL, which CometChat has no use for."""

    def __init__(self, stream: trio.abc.Stream, url: str, *, scans: bool) -> None:
        super().__init__(stream, url, {})
        self._target += "?" + url.partition("?")[2]
        self._scanner = TextFrameScanner(MOST, takes_text=scans)

    async def echo(self) -> None:
        """Send each message back until the end."""
        while True:
            for message in (await self.messages(64)).messages:
                if isinstance(message, str):
                    await self.send(message)
                else:
                    assert isinstance(message, bytes), "no case has a longer one"
                    await self._feed.write(client_frame(BINARY, message))

    async def collect(self, got: list[str | bytes]) -> None:
        """Collect the messages until the end."""
        while True:
            got += (await self.messages(64)).messages


async def _ours(url: str, got: list[str | bytes] | None = None, *, scans: bool) -> None:
    port = int(url.split("/")[2].rpartition(":")[2])
    websocket = _EchoingWebSocket(await trio.open_tcp_stream("127.0.0.1", port), url, scans=scans)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(websocket.upgrade, nursery)
            try:
                await (websocket.echo() if got is None else websocket.collect(got))
            except WebSocketError:
                with trio.move_on_after(_CLOSE):
                    await websocket.wait_close_reply_written()
            nursery.cancel_scope.cancel()
    finally:  # also after a case that took too long: the server waits for the end of each connection
        await websocket.aclose_forcefully()


async def _trio_websocket(url: str, got: list[str | bytes] | None = None) -> None:
    async with trio_websocket.open_websocket_url(url, max_message_size=MOST) as connection:
        try:
            while True:
                message = await connection.get_message()
                if got is None:
                    await connection.send_message(message)
                else:
                    got.append(message)
        except trio_websocket.ConnectionClosed:
            pass


async def _websockets(url: str, got: list[str | bytes] | None = None) -> None:
    import websockets.trio.client  # only the session `autobahn` installs it

    options = {"compression": None, "max_size": MOST, "proxy": None, "close_timeout": 1}  # seconds
    async with websockets.trio.client.connect(url, **options) as connection:
        try:
            async for message in connection:
                if got is None:
                    await connection.send(message)
                else:
                    got.append(message)
        except websockets.ConnectionClosed:
            pass


OURS: Final = ("cometconn", "cometconn, scanner off")
CLIENTS: dict[str, Client] = {
    OURS[0]: functools.partial(_ours, scans=True),
    OURS[1]: functools.partial(_ours, scans=False),
    "trio-websocket": _trio_websocket,
    "websockets": _websockets,
}
