"""What cometconn relies on in trio-websocket, tested on trio-websocket alone: one test for each point of the list."""

from __future__ import annotations

import re
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing
import trio_websocket

from cometconn._transport import trio_websocket_adapter

from .raw_server import _take, close, frame, switching, text


class Wire(trio.abc.Stream):
    """The stream of trio-websocket, with the test at its other end."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.closed = False
        self._data: list[bytes] = []
        self._news = trio.lowlevel.ParkingLot()

    def push(self, data: bytes) -> None:
        """Let one read return *data*; no bytes are the end of the stream."""
        self._data.append(data)
        self._news.unpark_all()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what one `push()` has brought, however much that is."""
        assert max_bytes is None
        while not self._data:
            self.waiting += 1
            await self._news.park()
        await trio.lowlevel.checkpoint()
        return self._data.pop(0)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Note one write."""
        await trio.lowlevel.checkpoint()
        self.written.append(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Nothing needs it."""
        raise AssertionError

    async def aclose(self) -> None:
        """Note it."""
        self.closed = True
        await trio.lowlevel.checkpoint()

    def frames(self) -> list[tuple[int, bytes]]:
        """Return opcode and payload of what was written behind the request: each write must be one whole frame."""
        frames = []
        for data in self.written[1:]:
            left = bytearray(data)
            item = _take(left)
            assert item is not None
            assert not left
            frames.append(item)
        return frames


@attrs.define(eq=False)
class Starter:
    """In place of a nursery: it has one method."""

    nursery: trio.Nursery
    started: int = 0
    ended: bool = False
    error: Exception | None = None

    def start_soon(self, reader: Callable[[], Awaitable[object]]) -> None:
        """Start the reader."""
        self.started += 1
        self.nursery.start_soon(self._run, reader)

    async def _run(self, reader: Callable[[], Awaitable[object]]) -> None:
        try:
            await reader()
        except Exception as error:
            self.error = error
        self.ended = True


@attrs.define(eq=False)
class Opening:
    """trio-websocket during and after its opening handshake."""

    nursery: trio.Nursery
    starter: Starter
    wire: Wire = attrs.field(factory=Wire)
    connection: Any = None
    around: Callable[[Wire], trio.abc.Stream] | None = None

    async def open(self) -> None:
        """Do the opening handshake as the adapter does."""
        nursery, stream = self.starter, self.wire if self.around is None else self.around(self.wire)
        self.connection = await trio_websocket.wrap_client_stream(
            nursery,  # type: ignore[arg-type]
            stream,  # type: ignore[arg-type]
            "chat.test",
            "/path",
            extra_headers=[(b"x-extra", b"yes")],
            message_queue_size=0,
            max_message_size=100_000,
            receive_buffer_size=None,
        )

    async def push(self, data: bytes) -> None:
        """Let one read return *data*, and every task do what it can."""
        self.wire.push(data)
        await trio.testing.wait_all_tasks_blocked()

    async def take(self, count: int) -> list[str | bytes]:
        """Take so many messages."""
        with trio.fail_after(20):
            return [await self.connection.get_message() for _ in range(count)]


@asynccontextmanager
async def opening(around: Callable[[Wire], trio.abc.Stream] | None = None) -> AsyncGenerator[Opening, None]:
    """Yield trio-websocket with its request written, over the stream that *around* makes of the test's."""
    async with trio.open_nursery() as nursery:
        both = Opening(nursery, Starter(nursery), around=around)
        nursery.start_soon(both.open)
        await trio.testing.wait_all_tasks_blocked()
        yield both
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def opened() -> AsyncGenerator[Opening, None]:
    """Yield trio-websocket, open."""
    async with opening() as both:
        await both.push(switching(both.wire.written[0]))
        assert both.connection is not None
        yield both


async def closed_error(both: Opening) -> Any:
    """Return the reason in the `ConnectionClosed` that `get_message()` raises."""
    with trio.fail_after(20), pytest.raises(trio_websocket.ConnectionClosed) as caught:
        await both.connection.get_message()
    return caught.value.reason


async def test_point_1_the_nursery_starts_one_task() -> None:
    """trio-websocket calls only `start_soon()` of its nursery, once, with the reader as its only argument."""
    async with opened() as both:
        assert both.starter.started == 1
        assert not both.starter.ended


async def test_point_2_the_stream_is_any_stream() -> None:
    """The stream need be no socket, and a read may return far more than a buffer would hold."""
    async with opened() as both:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(both.push, text("x" * 99_999) * 20)
            assert await both.take(20) == ["x" * 99_999] * 20


async def test_point_3_the_request_is_the_first_write() -> None:
    """The request is written in one piece before any read; `wrap_client_stream()` returns once the response was read."""
    async with opening() as both:
        (request,) = both.wire.written
        assert request.startswith(b"GET /path HTTP/1.1\r\n")
        assert request.endswith(b"\r\n\r\n")
        assert b"\r\nx-extra: yes\r\n" in request
        response = switching(request)
        await both.push(response[:-1])
        assert both.connection is None
        await both.push(response[-1:])
        assert both.connection is not None
        assert both.connection.closed is None


async def test_point_4_each_write_is_one_frame() -> None:
    """Each write is one frame, also the pongs to pings that came together, and the reply to a close frame."""
    async with opened() as both:
        await both.push(frame(9, b"1") + frame(9, b"2"))
        await both.push(frame(9, b"3") + close(1011))
        assert both.wire.frames() == [(10, b"1"), (10, b"2"), (10, b"3"), (8, b"\x03\xf3")]


async def test_point_5_the_reader_comes_back_when_every_message_was_taken() -> None:
    """While one message of a read is left, the reader does not read again."""
    async with opened() as both:
        waiting = both.wire.waiting
        await both.push(text("1") + frame(9) + frame(2, b"2") + text("3") + frame(1, b"cut", fin=False))
        for message in ("1", b"2", "3"):
            assert both.wire.waiting == waiting
            assert await both.take(1) == [message]
            await trio.testing.wait_all_tasks_blocked()
        assert both.wire.waiting == waiting + 1


async def test_point_6_a_cancel_loses_no_message() -> None:
    """Wherever `get_message()` is cancelled, each message is returned once, in order."""
    got: list[str | bytes] = []
    async with opened() as both:
        both.wire.push(b"".join(text(str(number)) for number in range(100)))
        for round_ in range(1000):
            with trio.CancelScope() as scope:
                both.nursery.start_soon(_cancel, scope, round_ % 4)
                got.append(await both.connection.get_message())
    assert got == [str(number) for number in range(100)]


async def _cancel(scope: trio.CancelScope, checkpoints: int) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_point_7_a_close_frame_comes_behind_the_messages() -> None:
    """The messages are returned first; then code and reason are the server's, and the reply has the same code."""
    async with opened() as both:
        await both.push(text("last") + close(1012, "restarting"))
        assert both.connection.closed is None
        assert await both.take(1) == ["last"]
        reason = await closed_error(both)
        assert (reason.code, reason.reason) == (1012, "restarting")
        assert both.connection.closed.code == 1012
        assert [(opcode, payload[:2]) for opcode, payload in both.wire.frames()] == [(8, struct.pack("!H", 1012))]


@pytest.mark.parametrize(
    ("forbidden", "code"),
    [
        (b"\xc1\x01a", 1002),
        (b"\x81\x81abcda", 1002),
        (frame(3, b"x"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(0, b"x"), 1002),
        (b"\x81\x7e\x00\x01a", 1002),
        (frame(1, b"\xff"), 1007),
    ],
)
async def test_point_8_what_rfc_6455_forbids_is_recorded(forbidden: bytes, code: int) -> None:
    """A violation of RFC 6455 is recorded after the messages before it."""
    async with opened() as both:
        await both.push(text("before") + forbidden + text("behind"))
        assert await both.take(1) == ["before"]
        await trio.testing.wait_all_tasks_blocked()
        reason = await closed_error(both)
        assert reason.code == code


async def test_point_9_a_message_that_is_too_long_is_recorded() -> None:
    """A message that is too long is recorded with 1009 and the reason that `TrioWebSocket` gives for its own refusals."""
    async with opened() as both:
        await both.push(frame(2, b"x" * 100_001))
        assert both.connection.closed.code == 1009
        assert both.connection.closed.reason == "Exceeded maximum message size: 100000 bytes"
        assert (await closed_error(both)).code == 1009


async def test_point_10_the_end_of_the_stream_is_recorded() -> None:
    """The end of the stream is recorded with 1006, and the reader ends."""
    async with opened() as both:
        await both.push(text("last"))
        both.wire.push(b"")
        assert await both.take(1) == ["last"]
        assert (await closed_error(both)).code == 1006
        await trio.testing.wait_all_tasks_blocked()
        assert both.starter.ended
        assert both.starter.error is None


async def test_point_11_our_closing_handshake() -> None:
    """`closed` is set at once; one close frame is written, and the wait ends with the server's, after other messages."""
    async with opened() as both:
        both.nursery.start_soon(both.connection.aclose, 1000)
        with trio.fail_after(20):
            while both.connection.closed is None:
                await trio.lowlevel.checkpoint()
        assert not both.wire.frames()
        await trio.testing.wait_all_tasks_blocked()
        assert both.wire.frames() == [(8, b"\x03\xe8")]
        await both.push(text("late") * 3)
        assert not both.wire.closed
        await both.push(text("late") * 3 + close(1000))
        assert both.wire.closed
        assert both.wire.frames() == [(8, b"\x03\xe8")]


async def test_point_12_the_stream_is_closed_when_the_wait_is_cancelled() -> None:
    """A cancelled wait for the server's close frame closes the stream."""
    async with opened() as both:
        with trio.CancelScope() as scope:
            both.nursery.start_soon(_cancel, scope, 20)
            await both.connection.aclose(1000)
        assert scope.cancelled_caught
        assert both.wire.frames() == [(8, b"\x03\xe8")]
        assert both.wire.closed


async def test_point_13_a_ping_behind_our_close_frame() -> None:
    """After a ping behind our close frame, the reader ends with an exception, and the closing handshake does not return."""
    async with opened() as both:
        returned = []

        async def aclose() -> None:
            await both.connection.aclose(1000)
            returned.append(True)

        both.nursery.start_soon(aclose)
        await trio.testing.wait_all_tasks_blocked()
        await both.push(frame(9))
        assert both.starter.ended
        assert both.starter.error is not None
        await both.push(close(1000))
        assert not returned


async def test_it_takes_over_a_websocket_that_is_open() -> None:
    """Its upgrade request is answered and not written: the first byte that it writes is of a frame."""
    async with opening(trio_websocket_adapter.UpgradedStream) as both:
        assert both.connection is not None
        assert not both.wire.written
        await both.push(frame(9, b"there?") + text("a message"))
        assert both.wire.written[0][:2] == b"\x8a\x86"  # a pong with a mask
        assert await both.take(1) == ["a message"]


def test_every_point_of_the_list_has_its_test() -> None:
    """Each point of the adapter's list has one test, and each of these tests has its point."""
    listed = re.findall(r"(?m)^(\d+)\. ", trio_websocket_adapter.__doc__ or "")
    tested = [match[1] for name in globals() if (match := re.match(r"test_point_(\d+)_", name))]
    assert tested == listed == [str(number) for number in range(1, len(listed) + 1)]
