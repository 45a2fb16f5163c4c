"""The `WebSocket` of cometconn: it opens, reads and writes text messages itself, and leaves the rest to trio-websocket.

The opening handshake is our own, and trio-websocket is opened when the first bytes are for it: a ping, a binary message,
what RFC 6455 forbids, or the closing handshake. With trio-websocket's handshake a connection takes 480 more calls of Python
functions, a third of those of a whole client, and a third more memory.

trio-websocket is not relied on to end by itself: used directly, its calls may never return when the server closes
half-way or goes silent. Therefore its reader task runs in a nursery of ours, it reads a `FeedableStream` and not the
socket, its message queue holds nothing, and every wait for it is also a wait for the end of that reader. Text messages
do not even reach it: see `text_frame_scanner`. What it writes never waits for the socket: see `feedable_stream`.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, NoReturn

import trio

from cometconn._lot import Lot

from .abc import Received, WebSocketBrokenError, WebSocketError
from .bare_socket import receive_some, unsent, write_nowait
from .close_errors import broken_error, close_error, stream_error
from .feedable_stream import FeedableStream
from .frames import TEXT, client_frame, close_frame
from .response_head import ResponseHead
from .states import WebSocketState, moved
from .text_frame_scanner import MOST, TextFrameScanner
from .trio_websocket_adapter import TrioWebSocketAdapter, TrioWebSocketClosedError
from .upgrade_request import accept_key, new_key, upgrade_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .abc import Message

__all__ = ["TrioWebSocket"]

SCANS_TEXT_FRAMES = True
"""Read plain text frames before trio-websocket sees them. Off, everything goes through it: the tests compare the two."""

_READ = 4 * 1024  # bytes that are read at once when little has come, without waiting for a turn: see `read_turns`
_LONG_READ = 64 * 1024  # in a burst: four times as much is no faster, and stays with the process
_SENT_AT_ONCE = 64 * 1024 - 1  # bytes of payload: a longer frame is made and written in a task
_MAX_MESSAGE = 1024 * 1024
_NORMAL, _ABNORMAL, _TOO_BIG = 1000, 1006, 1009


class TrioWebSocket:
    """A `WebSocket` on trio-websocket. See `abc.WebSocket` for the methods.

    Args:
        stream: the byte stream, TLS done; this object alone closes it.
        url: where it leads, for the Host header and the request target.
        headers: more headers for the upgrade request.
        max_message: bytes of a message. A longer one becomes a `LongMessage`; one of more than 16 MiB is the end, with
            close code 1009.
    """

    __slots__ = (
        "__weakref__",
        "_begun",
        "_close_frame",
        "_ends_with_handshake",
        "_ends_with_reader",
        "_failure",
        "_feed",
        "_has_library",
        "_head",
        "_library",
        "_longest_read",
        "_more",
        "_nursery",
        "_progress",
        "_request",
        "_scanner",
        "_state",
        "_stream",
    )

    def __init__(
        self, stream: trio.abc.Stream, url: str, headers: Mapping[str, str], max_message: int = _MAX_MESSAGE
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        key = new_key()
        self._stream = stream
        self._request = upgrade_request(parts.netloc, parts.path or "/", headers, key)
        self._state = WebSocketState.HANDSHAKE
        self._feed = FeedableStream(stream, self._progressed, self._write_failed)
        self._nursery: trio.Nursery | None = None
        self._library = TrioWebSocketAdapter(self._feed, MOST)
        self._has_library = False  # its opening has begun
        self._head = ResponseHead(accept_key(key))
        self._scanner = TextFrameScanner(max_message, takes_text=SCANS_TEXT_FRAMES)
        self._close_frame = close_frame(_NORMAL)  # made in advance, because it is written at once when a link ends
        self._more = False  # some of what was read is still to be returned
        self._longest_read = _READ  # bytes of the next read, at most
        self._begun: str | None = None  # the message of which `send_nowait()` has written a part
        self._failure: WebSocketError | None = None
        self._progress = Lot()
        self._ends_with_handshake: trio.CancelScope | None = None
        self._ends_with_reader: trio.CancelScope | None = None

    # The opening handshake.

    @trio.lowlevel.enable_ki_protection
    async def upgrade(self, nursery: trio.Nursery) -> None:
        """Write the upgrade request. The response is read by `messages()`."""
        self._nursery = self._feed.nursery = nursery
        request, self._request = self._request, b""
        rest = request[write_nowait(self._stream, request) :]
        if rest or unsent(self._stream):
            try:
                with trio.CancelScope() as self._ends_with_handshake:
                    await self._stream.send_all(rest)
            except Exception as error:  # noqa: BLE001 - whatever a stream raises, the upgrade has failed
                self._fail(stream_error(error))
            finally:
                self._ends_with_handshake = None

    @trio.lowlevel.enable_ki_protection
    async def _run_reader(self, reader: Callable[[], Awaitable[object]]) -> None:
        """Run trio-websocket's reader. KeyboardInterrupt is not raised in it: it is one of cometconn's tasks."""
        try:
            await reader()
        except Exception as error:  # noqa: BLE001 - what it may raise is not documented; it is recorded
            self._library_failed(error)
        finally:
            self._reader_ended()

    def _reader_ended(self) -> None:
        self._move(WebSocketState.ENDED)
        if self._ends_with_reader is not None:
            self._ends_with_reader.cancel(reason="trio-websocket reads no longer, so it will not see the close frame")

    def _library_failed(self, error: Exception) -> None:
        """Record what trio-websocket has raised."""
        self._fail(broken_error(f"the server broke the WebSocket protocol: {error}", error))

    async def wait_open(self) -> None:
        """Wait for the upgrade."""
        if self._state is not WebSocketState.HANDSHAKE:
            await trio.lowlevel.checkpoint()
        while self._state is WebSocketState.HANDSHAKE:
            await self._progress.park()
        self._raise_if_never_open()

    def _raise_if_never_open(self) -> None:
        if self._state is WebSocketState.FAILED:
            assert self._failure is not None, "the state changes with it"
            raise self._failure

    @property
    def response_date(self) -> float | None:
        """The `Date` of the response to the upgrade."""
        return self._head.date

    # Reading.

    async def messages(self, most: int) -> Received:
        """Take what comes next out of the scanner or trio-websocket, in order; read the socket when nothing is left."""
        size = 0
        if self._more and most:
            await trio.lowlevel.checkpoint()
            messages = self._texts(most) or await self._next_message()
        else:
            # Not in a method of its own: for as long as the server is silent, that would be half a KB per connection.
            while not (self._feed.wants_more or self._feed.closed or self._is_over):
                await self._progress.park()
            self._scanner.drop_taken()
            data: bytes | bytearray = b""
            try:
                data = await receive_some(self._stream, self._longest_read)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self._fail(stream_error(error))
            size = len(data)
            self._longest_read = _LONG_READ if size >= _READ else _READ
            self._take_in(data)
            messages = self._texts(most)
        return Received(messages, size, self._more)

    def _texts(self, most: int) -> Sequence[Message]:
        """Take text messages out of the scanner, if trio-websocket has no message that came before them."""
        if not self._feed.wants_more or self._state is not WebSocketState.OPEN:
            return []
        texts = self._scanner.texts(most)
        self._more = not self._scanner.exhausted
        return texts

    async def _next_message(self) -> Sequence[Message]:
        """Take the next message, also one that takes other tasks; none when more must be read first."""
        self._raise_if_never_open()
        if self._state is WebSocketState.ENDED and not self._has_library:
            raise self._closed_error()
        while True:
            if not self._feed.wants_more or self._library.recorded is not None:
                message = await self._from_library()
                if message is not None:
                    return [message]
            piece = self._scanner.next()
            if self._scanner.refused:
                self._refuse()
            if not isinstance(piece, bytes):
                self._more = piece is not None and not self._scanner.exhausted
                return [] if piece is None else [piece]
            if piece:
                self._pass_on(piece)
            else:
                await trio.lowlevel.checkpoint()

    async def _from_library(self) -> str | bytes | None:
        """Take the next message of what trio-websocket was fed; `None` when it wants more.

        Its queue holds nothing, so when its reader comes back for more bytes every message has been handed over.
        """
        if not self._library.is_open:
            await self._wait_library()
            if self._feed.wants_more and self._library.recorded is None:
                return None
        try:
            return await self._library.take_message()
        except TrioWebSocketClosedError:
            self._more = True  # the error, for the next call
        raise self._closed_error()  # in no variable, because the error and this frame would keep each other alive

    def _refuse(self) -> NoReturn:
        """Close the connection because of a message that is too long to be read to its end."""
        self._feed.accept(close_frame(_TOO_BIG))
        # The reason is trio-websocket's: it has the same limit, for what the scanner leaves to it.
        self._fail(close_error(_TOO_BIG, f"Exceeded maximum message size: {MOST} bytes", close_seen=False))
        assert self._failure is not None, "just set"
        raise self._failure

    def _take_in(self, data: bytes | bytearray) -> None:
        """Hand what was read to the scanner, or to trio-websocket: the response, what is for the closing handshake, the end."""
        self._more = True
        if self._state is WebSocketState.HANDSHAKE:
            try:
                size = self._head.look(data)
            except WebSocketError as error:
                self._fail(error)
                return
            self._more = self._head.complete
            if self._more:
                self._move(WebSocketState.OPEN)
                self._scanner.feed(data[size:])
        elif not data:
            self._take_end()
        elif self._state is WebSocketState.OPEN:
            self._scanner.feed(data)
        elif self._state is WebSocketState.CLOSING:
            self._pass_on(data)

    def _take_end(self) -> None:
        """Let trio-websocket see the end of the stream; without it, nothing that came has ended the WebSocket before."""
        if self._has_library:
            self._pass_on(self._scanner.rest())
            self._feed.end()
        elif self._state is WebSocketState.OPEN:
            self._fail(close_error(_ABNORMAL, None, close_seen=False))
            self._move(WebSocketState.ENDED)

    # trio-websocket.

    def _pass_on(self, data: bytes | bytearray) -> None:
        """Hand *data* to trio-websocket; open it, if this is the first that is for it."""
        self._feed.feed(data)
        if not self._has_library:
            self._has_library = True
            assert self._nursery is not None, "the upgrade is done"
            self._nursery.start_soon(self._open_library, self._nursery, name="trio_websocket.opening")

    @trio.lowlevel.enable_ki_protection
    async def _open_library(self, nursery: trio.Nursery) -> None:
        await self._library.open(nursery, self._run_reader)
        self._progressed()

    async def _wait_library(self) -> None:
        while not self._library.is_open:
            await self._progress.park()

    # Writing.

    async def send(self, text: str) -> None:
        """Write the frame without trio-websocket, whose reader would have to wait until the frame is written."""
        begun, self._begun = self._begun, None
        assert begun in {None, text}, "a message that has begun goes on first"
        if self._failure is None and not self._is_over:
            try:
                if await self._feed.write(b"" if begun is not None else client_frame(TEXT, text.encode())):
                    return
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self._fail(stream_error(error))
        raise self._closed_error()

    def send_nowait(self, text: str) -> bool:
        """Write the frame without trio-websocket, which would need a task and four passes of the scheduler."""
        payload = text.encode()
        if self._begun is not None or len(payload) > _SENT_AT_ONCE or not self.can_close:
            return False
        taken = self._feed.write_nowait(client_frame(TEXT, payload))
        self._begun = text if self._feed.unfinished else None
        return taken and self._begun is None

    # The closing handshake.

    @property
    def can_close(self) -> bool:
        """Open, neither side has begun to close, and no write was cut half-way."""
        return (
            self._state is WebSocketState.OPEN
            and self._library.recorded is None
            and self._failure is None
            and not self._feed.torn
        )

    def close_nowait(self) -> None:
        """Write a close frame ahead of trio-websocket's, which is then not written."""
        # What `can_close` looks at, but for what `FeedableStream` looks at itself.
        if self._state is WebSocketState.OPEN and self._failure is None and self._library.recorded is None:
            self._feed.close_nowait(self._close_frame)

    @property
    def close_frame_written(self) -> bool:
        """Written, all of it."""
        return self._feed.close_frame_written

    @property
    def close_reply_pending(self) -> bool:
        """trio-websocket has sent its reply to the server's close frame, or a close frame for what RFC 6455 forbids."""
        return self._feed.close_frame_pending

    async def wait_close_reply_written(self) -> None:
        """Wait until the socket has accepted the reply."""
        await self._feed.wait_written()

    async def close(self, on_written: Callable[[], object] | None = None) -> None:
        """Write the close frame, if `close_nowait()` has not, and do trio-websocket's closing handshake behind it."""
        self._move(WebSocketState.CLOSING)
        self._feed.on_close_frame = on_written
        self._feed.accept(self._close_frame)  # trio-websocket may have to be opened first, and its own comes too late
        self._pass_on(self._scanner.rest())
        with trio.CancelScope() as self._ends_with_reader:
            await self._wait_library()
            await self._library.close()

    async def aclose_forcefully(self) -> None:
        """Close the stream."""
        self._progressed()
        self._feed.detach()
        await trio.aclose_forcefully(self._stream)

    # The state.

    @property
    def _is_over(self) -> bool:
        return self._state is WebSocketState.FAILED or self._state is WebSocketState.ENDED

    def _move(self, to: WebSocketState) -> None:
        self._state = moved(self._state, to)
        self._progressed()

    def _progressed(self) -> None:
        self._progress.unpark_all()
        if self._feed.wants_more:
            self._library.stop_taking()

    def _write_failed(self, error: Exception) -> None:
        self._fail(stream_error(error))

    def _fail(self, error: WebSocketError) -> None:
        """Record the first error. What was read before is still returned; if the upgrade is under way, it has failed."""
        self._failure = self._failure or error
        if self._state is WebSocketState.HANDSHAKE:
            self._move(WebSocketState.FAILED)
            if self._ends_with_handshake is not None:
                self._ends_with_handshake.cancel(reason=str(error))

    def _closed_error(self) -> WebSocketError:
        if self._failure is not None:
            return self._failure
        recorded = self._library.recorded
        if recorded is None:
            return WebSocketBrokenError("the server broke the WebSocket protocol")
        return close_error(recorded.code, recorded.reason, close_seen=self._scanner.close_seen)
