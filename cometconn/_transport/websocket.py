"""trio-websocket, kept at arm's length: the only module that imports it.

trio-websocket does the handshake, the framing and the close; it is not trusted to end
by itself. Its reader task has a nursery of its own, it reads a `Pipe` and not the socket,
its message queue holds nothing, and nobody waits for it without also waiting for the
end of that nursery. (What happens otherwise: calls that never return when the server
closes half-way, refuses the upgrade, or goes silent.) Text messages do not even reach
it: see `lane`. What it writes never waits for the socket: see `pipe`.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, NoReturn

import trio
import trio_websocket

from cometconn._lot import Lot
from cometconn._network.library_logs import OURS

from .abc import LongMessage, WebSocketBrokenError, WebSocketError
from .bare_socket import receive_some
from .client_frame import TEXT, client_frame, close_frame
from .endings import broken, ending, stream_failed
from .handshake import AnswerHead
from .lane import MOST, TextLane
from .pipe import Pipe, ReaderNursery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["TrioWebSocket"]

TEXT_LANE = True
"""Cut plain text frames out before trio-websocket sees them. Off, everything goes through it: the tests compare the two."""

_READ = 64 * 1024
_READ_MORE = 256 * 1024  # when a read was as long as it could be
_SENT_AT_ONCE = 64 * 1024 - 1  # bytes of payload: a longer frame is made and written in a task
_MAX_MESSAGE = 1024 * 1024
_BAD_ANSWER = "the server's answer to the WebSocket upgrade breaks RFC 6455"
_NORMAL, _TOO_BIG = 1000, 1009


class TrioWebSocket:
    """A `WebSocket` on trio-websocket. See `abc.WebSocket` for the methods.

    Args:
        stream: the byte stream, TLS done; this object closes it, and nobody else.
        url: where it leads, for the Host header and the request target.
        headers: more headers for the upgrade request.
        max_message: bytes of a message. A longer one becomes a `LongMessage`; one of more than 16 MiB is the end, with
            close code 1009.
    """

    def __init__(
        self, stream: trio.abc.Stream, url: str, headers: Mapping[str, str], max_message: int = _MAX_MESSAGE
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        self._stream = stream
        self._host = parts.netloc
        self._target = parts.path or "/"
        self._headers = headers
        self._pipe = Pipe(stream, self._progressed, self._stream_failed)
        self._head = AnswerHead()
        self._connection: trio_websocket.WebSocketConnection | None = None
        self._lane = TextLane(max_message, takes_text=TEXT_LANE)
        self._close_frame = close_frame(_NORMAL)  # made ahead: it is wanted in a hurry
        self._read_size = _READ
        self._leaving = False
        self._close_ahead = False
        self._begun: str | None = None
        self._goodbye: trio.CancelScope | None = None
        self._handshake: trio.CancelScope | None = trio.CancelScope()
        self._progress = Lot()
        self._taking: trio.CancelScope | None = None
        self._failure: WebSocketError | None = None
        self._ended = False

    @trio.lowlevel.enable_ki_protection
    async def upgrade(self, nursery: trio.Nursery) -> None:
        """Do trio-websocket's handshake; its reader stays in *nursery*."""
        self._pipe.nursery = nursery
        OURS.set(True)  # in this task, and in those that it starts
        assert self._handshake is not None, "one upgrade"
        try:
            with self._handshake:
                # Returns only on success; `_fail` ends this scope on failure.
                self._connection = await trio_websocket.wrap_client_stream(
                    ReaderNursery(nursery, self._read),  # type: ignore[arg-type]  # start_soon() is all it uses
                    self._pipe,  # type: ignore[arg-type]  # any trio.abc.Stream will do
                    self._host,
                    self._target,
                    extra_headers=[(name.encode(), value.encode("latin-1")) for name, value in self._headers.items()],
                    message_queue_size=0,
                    max_message_size=MOST,
                    receive_buffer_size=None,
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, the upgrade has failed
            self._broke(error)
        finally:
            self._handshake = None
            self._ended = self._ended or self._connection is None
            self._progressed()

    @trio.lowlevel.enable_ki_protection
    async def _read(self, reader: Callable[[], Awaitable[object]]) -> None:
        """Run trio-websocket's reader, which is one of our background tasks: Ctrl-C must not strike in the middle of it."""
        try:
            await reader()
        except Exception as error:  # noqa: BLE001 - it does not say what it raises; we record it
            self._broke(error)
        finally:
            self._ended = True
            self._progressed()
            if self._goodbye is not None:
                self._goodbye.cancel(reason="trio-websocket reads no longer, so it will not see the answer")

    def _broke(self, error: Exception) -> None:
        if self._connection is None and not isinstance(error, OSError | trio.BrokenResourceError):
            self._fail(broken(_BAD_ANSWER, error))  # the library's words are about itself
        else:
            self._fail(broken(f"the server broke the WebSocket protocol: {error}", error))

    async def wait_open(self) -> None:
        """Wait for the upgrade."""
        while self._connection is None:
            self._raise_if_failed()
            await self._progress.park()
        await trio.lowlevel.checkpoint()

    @property
    def answered_at(self) -> float | None:
        """The `Date` of the upgrade's answer."""
        return self._head.date

    async def receive(self) -> int:
        """Read the socket once, as soon as trio-websocket has digested what it was fed."""
        pipe = self._pipe
        while not (pipe.wants_more or pipe.closed or self._ended):
            await self._progress.park()
        self._lane.drop_taken()
        data: bytes | bytearray = b""
        try:
            data = await receive_some(self._stream, self._read_size)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._fail(stream_failed(error))
        self._read_size = _READ_MORE if len(data) >= _READ else _READ
        if data and self._head.complete and not self._leaving:
            self._lane.feed(data)
        else:
            self._sort(data)
        return len(data)

    def _sort(self, data: bytes | bytearray) -> None:
        """Give trio-websocket the head of the upgrade, the end of the stream and its goodbye, and the lane the rest."""
        if not data:
            self._pipe.feed(self._lane.rest())
            self._pipe.end()
        elif self._leaving:
            self._pipe.feed(data)  # nobody takes messages any more, and the goodbye is trio-websocket's
        try:
            head = self._head.look(data)
        except WebSocketError as error:
            self._fail(error)
            head = len(data)
        if data and not self._leaving:
            self._pipe.feed(data[:head])
            self._lane.feed(data[head:])

    async def next_message(self) -> str | bytes | LongMessage | None:
        """Take the next message, out of the lane or out of trio-websocket, as they came."""
        while self._connection is None:
            self._raise_if_failed()
            if self._pipe.wants_more and not self._head.complete:
                return None
            await self._progress.park()
        while True:
            if not self._pipe.wants_more:
                message = await self._from_library(self._connection)
                if message is not None:
                    return message
            piece = self._lane.next()
            if self._lane.refused:
                self._refuse()
            if not isinstance(piece, bytes):
                return piece
            if not piece:
                await trio.lowlevel.checkpoint()
            self._pipe.feed(piece)

    def _refuse(self) -> NoReturn:
        """Close because of a message that is not read to its end."""
        self._pipe.accept(close_frame(_TOO_BIG))
        # As trio-websocket says it: it has the same limit, for what the lane leaves to it.
        self._fail(ending(_TOO_BIG, f"Exceeded maximum message size: {MOST} bytes", close_seen=False))
        assert self._failure is not None, "just set"
        raise self._failure

    def next_texts(self, most: int) -> list[str]:
        """Take text messages out of the lane, if trio-websocket has none that came before them."""
        return self._lane.texts(most) if self._connection is not None and self._pipe.wants_more else []

    @property
    def exhausted(self) -> bool:
        """Whether neither the lane nor trio-websocket has anything."""
        return self._connection is not None and self._pipe.wants_more and self._lane.exhausted

    async def _from_library(self, connection: trio_websocket.WebSocketConnection) -> str | bytes | None:
        """Take the next message of what trio-websocket was fed; `None` when it wants more."""
        with trio.CancelScope() as self._taking:
            # Its queue holds nothing, so when its reader comes back for more bytes every
            # message has been handed over; a message that is under way survives the cancel.
            try:
                return await connection.get_message()
            except trio_websocket.ConnectionClosed as closed:
                reason = closed.reason
            finally:
                self._taking = None
            raise self._ending(reason)  # in no variable: it and this frame would keep each other alive
        return None

    async def send(self, text: str) -> None:
        """Write the frame ourselves: trio-websocket would hold its lock all the while, and its reader wait for that."""
        assert self._connection is not None, "nothing is sent before wait_open()"
        begun, self._begun = self._begun, None
        assert begun in {None, text}, "what has begun goes on first"
        if self._failure is None and not self._ended:
            try:
                if await self._pipe.write(b"" if begun is not None else client_frame(TEXT, text.encode())):
                    return
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self._fail(stream_failed(error))
        raise self._ending(self._connection.closed)

    def send_nowait(self, text: str) -> bool:
        """Write the frame ourselves: trio-websocket would take four passes of the scheduler for it, and a task."""
        payload = text.encode()
        if self._begun is not None or len(payload) > _SENT_AT_ONCE or not self.may_say_goodbye:
            return False
        taken = self._pipe.write_nowait(client_frame(TEXT, payload))
        self._begun = text if self._pipe.unfinished else None
        return taken and self._begun is None

    @property
    def may_say_goodbye(self) -> bool:
        """Open, and no write was cut half-way."""
        return (
            self._connection is not None
            and self._connection.closed is None
            and not self._ended
            and self._failure is None
            and not self._pipe.sending
        )

    def goodbye_nowait(self) -> None:
        """Write a close frame ahead of trio-websocket's, which is then not written."""
        if self.may_say_goodbye and not self._pipe.closing:
            self._pipe.close_nowait(self._close_frame)
            self._close_ahead = self._pipe.closing

    @property
    def close_frame_left(self) -> bool:
        """Written, all of it."""
        return self._close_ahead and not self._pipe.unsent

    @property
    def answering(self) -> bool:
        """trio-websocket has handed over its answer, or its verdict."""
        pipe = self._pipe
        return pipe.closing and pipe.unsent and not pipe.sending and not pipe.broken

    async def wait_answered(self) -> None:
        """Wait for the pipe."""
        await self._pipe.wait_sent()

    async def goodbye(self, on_said: Callable[[], object] | None = None) -> None:
        """Do the closing handshake."""
        assert self._connection is not None, "may_say_goodbye was asked"
        self._pipe.on_sent = on_said
        self._leaving = True
        self._pipe.feed(self._lane.rest())
        # A ping behind our close frame, which RFC 6455 allows, ends trio-websocket's reader with an error.
        with trio.CancelScope() as self._goodbye:
            await self._connection.aclose(_NORMAL)

    async def aclose_forcefully(self) -> None:
        """Close the stream."""
        self._progressed()
        self._pipe.detach()
        await trio.aclose_forcefully(self._stream)

    def _progressed(self) -> None:
        self._progress.unpark_all()
        if self._taking is not None and self._pipe.wants_more:
            self._taking.cancel(reason="trio-websocket wants more bytes")

    def _stream_failed(self, error: Exception) -> None:
        self._fail(stream_failed(error))

    def _fail(self, error: WebSocketError) -> None:
        self._failure = self._failure or error
        if self._handshake is not None:
            self._handshake.cancel(reason=str(error))
        self._progressed()

    def _raise_if_failed(self) -> None:
        if self._failure is None and (self._pipe.closed or self._ended):
            self._fail(WebSocketBrokenError(_BAD_ANSWER))
        if self._failure is not None:
            raise self._failure

    def _ending(self, reason: trio_websocket.CloseReason | None) -> WebSocketError:
        if self._failure is not None:
            return self._failure
        if reason is None:
            return WebSocketBrokenError("the server broke the WebSocket protocol")
        return ending(reason.code, reason.reason, close_seen=self._lane.close_seen)
