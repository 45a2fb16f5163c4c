"""trio-websocket, and all that cometconn relies on in it: the only module that imports it.

trio-websocket judges what RFC 6455 forbids, replies to pings and to the server's close frame, puts binary messages
together and does our closing handshake. It does so over a `FeedableStream`, in a task that is ours, and it is opened
only when there is something for it: many connections carry only text messages for hours. The opening handshake is over
by then, so the request that trio-websocket writes gets its response here, and does not reach the server. All this needs
more than its documentation promises, so `pyproject.toml` bounds its version, and each of these points has a test of its
number in `tests/transport/test_trio_websocket_adapter.py`, against trio-websocket alone:

1. `wrap_client_stream()` starts one task, by `start_soon(reader)`, and needs nothing else of its nursery.
2. Of its stream it uses `send_all()`, `receive_some()` and `aclose()`; its reader takes as many bytes as it is given.
3. The first call of `send_all()` brings the whole upgrade request; `wrap_client_stream()` returns when a 101 was read.
4. Each later call of `send_all()` brings one whole control frame.
5. With `message_queue_size=0` its reader comes back for bytes only when every message of the last ones was taken.
6. A `get_message()` that is cancelled loses no message.
7. Messages before a close frame are handed over first. Then `closed` has the server's code and reason, the reply has the
   same code, and `get_message()` raises `ConnectionClosed`.
8. What RFC 6455 forbids is recorded in `closed` with 1002 or 1007, as though the server had closed with that code.
9. A message beyond `max_message_size` is recorded in `closed` with 1009 and trio-websocket's reason.
10. The end of the stream without a close frame is recorded in `closed` as 1006.
11. `aclose()` sets `closed` first, then writes one close frame, drops the messages that come, and returns when the
    server's close frame was read: it does not notice that its own frame was dropped, since ours had been written.
12. `aclose()` closes the stream when it is done, and when it is cancelled.
13. Behind our close frame a ping ends the reader with an exception, and then `aclose()` does not return by itself:
    `TrioWebSocket` cancels it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import trio
import trio_websocket

from cometconn._network.library_logs import OURS

from .upgrade_request import accept_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .feedable_stream import FeedableStream

__all__ = ["ReaderNursery", "TrioWebSocketAdapter", "TrioWebSocketClosedError", "UpgradedStream"]

_NORMAL = 1000
_KEY: Final = re.compile(rb"\r\nsec-websocket-key:[ \t]*([A-Za-z0-9+/=]+)", re.IGNORECASE)
_SWITCHING: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


class TrioWebSocketClosedError(Exception):
    """trio-websocket hands over no more messages: see `TrioWebSocketAdapter.recorded`."""


class TrioWebSocketAdapter:
    """One connection of trio-websocket.

    Args:
        stream: what it reads and writes.
        max_message: bytes of the longest message.
    """

    __slots__ = ("_connection", "_max_message", "_stream", "_taking")

    def __init__(self, stream: FeedableStream, max_message: int) -> None:
        self._stream = stream
        self._max_message = max_message
        self._connection: trio_websocket.WebSocketConnection | None = None
        self._taking: trio.CancelScope | None = None

    @property
    def is_open(self) -> bool:
        """Whether `open()` has returned."""
        return self._connection is not None

    async def open(
        self, nursery: trio.Nursery, run_reader: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    ) -> None:
        """Let trio-websocket take over a WebSocket whose opening handshake is done.

        Args:
            nursery: where the reader runs, from the beginning on.
            run_reader: runs the reader, which is its argument.
        """
        OURS.set(True)  # in this task and in those that it starts: what trio-websocket logs there belongs to cometconn
        self._connection = await trio_websocket.wrap_client_stream(
            ReaderNursery(nursery, run_reader),  # type: ignore[arg-type]  # point 1
            UpgradedStream(self._stream),  # type: ignore[arg-type]  # point 2
            "upgraded.invalid",
            "/",
            message_queue_size=0,
            max_message_size=self._max_message,
            receive_buffer_size=None,
        )

    @property
    def recorded(self) -> trio_websocket.CloseReason | None:
        """The code and reason with which the WebSocket was or is being closed, by whichever side; `None` before."""
        return None if self._connection is None else self._connection.closed

    async def take_message(self) -> str | bytes | None:
        """Return the next message of what the stream was fed; `None` when it wants more, and if `stop_taking()` is called.

        If cancelled, no message is lost. Raises `TrioWebSocketClosedError` when there will never be another.
        """
        assert self._connection is not None, "open() has returned"
        with trio.CancelScope() as self._taking:
            try:
                return await self._connection.get_message()
            except trio_websocket.ConnectionClosed:
                pass  # raised below, without a context: its traceback and our frames would keep each other alive
            finally:
                self._taking = None
            raise TrioWebSocketClosedError
        return None

    def stop_taking(self) -> None:
        """Let `take_message()` return: the reader has come back for more bytes."""
        if self._taking is not None:
            self._taking.cancel(reason="trio-websocket wants more bytes")

    async def close(self) -> None:
        """Write a close frame with code 1000, and return when the server's was read. The caller bounds the time."""
        assert self._connection is not None, "open() has returned"
        await self._connection.aclose(_NORMAL)


class UpgradedStream(trio.abc.Stream):
    """A stream whose WebSocket is open already: trio-websocket's upgrade request gets a 101 and is not written.

    Args:
        stream: gets everything behind the request, and brings everything behind the response.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._response: bytes | None = None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take the upgrade request (point 3); then write to the stream."""
        if self._response is None:
            found = _KEY.search(data)
            assert found is not None, "the request has a key"
            self._response = _SWITCHING % accept_key(found[1])
            await trio.lowlevel.checkpoint()
        else:
            await self._stream.send_all(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return the response; then read from the stream."""
        if self._response:
            response, self._response = self._response, b""
            await trio.lowlevel.checkpoint()
            return response
        return await self._stream.receive_some(max_bytes)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for the stream."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


class ReaderNursery:
    """Takes the place of the nursery in which trio-websocket starts its reader: starts *run* with it instead."""

    def __init__(
        self, nursery: trio.Nursery, run: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    ) -> None:
        self._nursery = nursery
        self._run = run

    def start_soon(self, reader: Callable[[], Awaitable[object]]) -> None:
        """Start the reader."""
        self._nursery.start_soon(self._run, reader, name="trio_websocket.reader")
