"""What trio-websocket writes never waits for the socket, and `messages()` reads over sockets in memory."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from cometconn._transport.abc import Message, Received, WebSocketBrokenError, WebSocketClosedError, WebSocketError
from cometconn._transport.feedable_stream import FeedableStream
from cometconn._transport.states import IllegalTransitionError
from cometconn._transport.websocket import TrioWebSocket
from cometconn.testing import MemorySocket, memory_socket_pair

from .raw_server import _take, close, frame, switching, text


@attrs.define(eq=False)
class Ends:
    """A WebSocket whose messages are read, and the server's end, which reads only in `read()`."""

    websocket: TrioWebSocket
    ours: MemorySocket
    theirs: MemorySocket
    nursery: trio.Nursery
    messages: list[Message] = attrs.field(factory=list)
    error: WebSocketError | None = None

    async def listen(self) -> None:
        """Do what the receive loop does."""
        try:
            while True:
                self.messages += (await self.websocket.messages(64)).messages
        except WebSocketError as error:
            self.error = error
        while (await self.websocket.messages(0)).size:
            pass

    async def push(self, data: bytes) -> None:
        """Send *data* as the server, and let every task do what it can."""
        await self.theirs.send_all(data)
        await trio.testing.wait_all_tasks_blocked()

    async def read(self) -> list[tuple[int, bytes]]:
        """Read as the server until nothing more comes; return the frames, without the last one if it is cut."""
        data, frames = bytearray(), []
        while True:
            with trio.move_on_after(0) as nothing:
                await trio.testing.wait_all_tasks_blocked()
                nothing.deadline = trio.current_time()
            if not self.theirs._incoming.buffer:
                break
            data += await self.theirs.receive_some()
        while (item := _take(data)) is not None:
            frames.append(item)
        return frames


@asynccontextmanager
async def ends(capacity: int = 300) -> AsyncGenerator[Ends, None]:
    """Both ends, upgraded; so many bytes may be unread before a write blocks."""
    with trio.fail_after(20):
        ours, theirs = memory_socket_pair(1 << 20)
        async with trio.open_nursery() as nursery:
            both = Ends(TrioWebSocket(ours, "ws://127.0.0.1/", {}), ours, theirs, nursery)
            nursery.start_soon(both.websocket.upgrade, nursery)
            nursery.start_soon(both.listen)
            head = b""
            while b"\r\n\r\n" not in head:
                head += await theirs.receive_some()
            await theirs.send_all(switching(head))
            await both.websocket.wait_open()
            ours._outgoing.capacity = capacity
            yield both
            await both.websocket.aclose_forcefully()
            nursery.cancel_scope.cancel()


async def blocked_send(both: Ends, scope: trio.CancelScope) -> None:
    """Send what the server does not read."""
    with scope:
        await both.websocket.send("x" * 1000)


async def test_messages_are_read_while_a_write_and_the_pong_behind_it_are_blocked() -> None:
    """Messages are read during a blocked write; the pong is written after its frame is complete."""
    async with ends() as both:
        both.nursery.start_soon(blocked_send, both, trio.CancelScope())
        await trio.testing.wait_all_tasks_blocked()
        await both.push(frame(9, b"are you there") + text("read"))
        assert both.messages == ["read"]
        assert await both.read() == [(1, b"x" * 1000), (10, b"are you there")]


async def test_a_ping_between_fragments_is_answered_behind_a_blocked_write() -> None:
    """Fragments are put together while the pong for a ping between them waits for a blocked write."""
    async with ends() as both:
        both.nursery.start_soon(blocked_send, both, trio.CancelScope())
        await trio.testing.wait_all_tasks_blocked()
        await both.push(
            frame(1, b"a", fin=False) + frame(9) + frame(0, b"b", fin=False) + frame(9, b"2") + frame(0, b"c")
        )
        assert both.messages == ["abc"]
        assert await both.read() == [(1, b"x" * 1000), (10, b""), (10, b"2")]


async def test_pongs_that_do_not_leave_are_bounded() -> None:
    """Pongs that cannot be written are kept up to 2 KiB, always with that for the last ping."""
    async with ends() as both:
        both.nursery.start_soon(blocked_send, both, trio.CancelScope())
        await trio.testing.wait_all_tasks_blocked()
        for number in range(20):
            await both.push(b"".join(frame(9, struct.pack("!I", number * 500 + each)) for each in range(500)))
        assert len(both.websocket._feed._next) <= 2048
        first, *pongs = await both.read()
        assert first == (1, b"x" * 1000)
        assert pongs[-1] == (10, struct.pack("!I", 9999))
        assert 0 < len(pongs) < 300


async def test_a_close_is_seen_while_a_write_is_blocked() -> None:
    """The reply to a close frame replaces the pongs, after the frame that has begun, and nothing follows it."""
    async with ends() as both:
        both.nursery.start_soon(blocked_send_that_ends, both)
        await trio.testing.wait_all_tasks_blocked()
        await both.push(frame(9, b"are you there") + close(1011, "because"))
        assert isinstance(both.error, WebSocketClosedError)
        assert both.error.code == 1011
        assert not both.websocket.can_close
        assert not both.websocket.close_reply_pending, "the frame before it is still being written"
        assert await both.read() == [(1, b"x" * 1000), (8, close(1011, "because")[2:])]
        with pytest.raises(WebSocketClosedError):
            await both.websocket.send("too late")


async def blocked_send_that_ends(both: Ends) -> None:
    """Send what the server reads later."""
    await both.websocket.send("x" * 1000)


@pytest.mark.parametrize("reads", [True, False])
async def test_the_reply_to_a_close_frame_can_be_waited_for(reads: bool) -> None:
    """The reply is written as soon as the server reads; the caller bounds the time."""
    async with ends(0) as both:
        await both.push(close(1011))
        assert isinstance(both.error, WebSocketClosedError)
        assert both.websocket.close_reply_pending
        with trio.CancelScope() as patience:
            both.nursery.start_soon(_then, both, patience, reads)
            await both.websocket.wait_close_reply_written()
        assert patience.cancelled_caught is not reads
        assert both.websocket.close_reply_pending is not reads


async def _then(both: Ends, patience: trio.CancelScope, reads: bool) -> None:
    await trio.testing.wait_all_tasks_blocked()
    if reads:
        both.ours._outgoing.capacity = 300
        both.ours._outgoing.changed.unpark_all()
    else:
        patience.cancel()


async def test_a_torn_frame_is_followed_by_nothing() -> None:
    """After a write cut half-way there is no pong, close frame or reply, and `can_close` is `False`."""
    async with ends() as both:
        scope = trio.CancelScope()
        both.nursery.start_soon(blocked_send, both, scope)
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
        await both.push(frame(9) + close(1011))
        both.websocket.close_nowait()
        assert not both.websocket.can_close
        assert not both.websocket.close_reply_pending
        assert await both.read() == []
        assert isinstance(both.error, WebSocketClosedError)


async def test_the_end_of_the_stream_is_seen_while_a_write_is_blocked() -> None:
    """The end of the stream is noticed during a blocked write, also after a ping whose pong is blocked."""
    async with ends() as both:
        scope = trio.CancelScope()
        both.nursery.start_soon(blocked_send, both, scope)
        await trio.testing.wait_all_tasks_blocked()
        await both.push(frame(9))
        await both.theirs.send_eof()
        await trio.testing.wait_all_tasks_blocked()
        assert isinstance(both.error, WebSocketBrokenError)
        scope.cancel()


async def test_a_message_waits_for_a_pong_that_has_begun() -> None:
    """A message is written after a pong that has begun; cancelled before that, it leaves a closing handshake possible."""
    async with ends(3) as both:
        await both.push(frame(9, b"are you there"))
        scope = trio.CancelScope()
        both.nursery.start_soon(blocked_send, both, scope)
        both.nursery.start_soon(both.websocket.send, "whole")
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
        both.websocket.close_nowait()
        assert both.websocket.can_close
        assert await both.read() == [(10, b"are you there"), (1, b"whole")]


async def test_the_close_frame_waits_for_a_pong_that_has_begun() -> None:
    """After the pong, the close frame is written, `on_written` is called, and the server closes."""
    written: list[int] = []
    async with ends(3) as both:
        await both.push(frame(9, b"are you there"))
        both.nursery.start_soon(both.websocket.close, lambda: written.append(len(both.messages)))
        await trio.testing.wait_all_tasks_blocked()
        assert not written
        assert await both.read() == [(10, b"are you there"), (8, b"\x03\xe8")]
        assert written == [0]
        with trio.fail_after(20):
            await both.push(close(1000))


async def test_a_stream_that_takes_no_pong_has_broken() -> None:
    """If writing a pong raises any exception, reading and sending raise `WebSocketBrokenError`."""

    class Odd(MemorySocket):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            """Take the upgrade request only."""
            if not data.startswith(b"GET"):  # type: ignore[union-attr]
                message = "an environment's own error"
                raise RuntimeError(message)
            await super().send_all(data)

    with trio.fail_after(20):
        plain, theirs = memory_socket_pair()
        ours = Odd(plain._incoming, plain._outgoing)
        async with trio.open_nursery() as nursery:
            both = Ends(TrioWebSocket(ours, "ws://127.0.0.1/", {}), ours, theirs, nursery)
            nursery.start_soon(both.websocket.upgrade, nursery)
            nursery.start_soon(both.listen)
            await theirs.send_all(switching(await theirs.receive_some()))
            await both.websocket.wait_open()
            await both.push(frame(9))
            assert isinstance(both.error, WebSocketBrokenError)
            assert not both.websocket.can_close
            with pytest.raises(WebSocketBrokenError):
                await both.websocket.send("too late")
            nursery.cancel_scope.cancel()


async def test_the_socket_is_read_while_the_upgrade_request_is_blocked() -> None:
    """A server that closes instead of reading the upgrade request is noticed at once."""
    with trio.fail_after(20):
        ours, theirs = memory_socket_pair(10)
        websocket = TrioWebSocket(ours, "ws://127.0.0.1/", {})
        async with trio.open_nursery() as nursery:
            both = Ends(websocket, ours, theirs, nursery)
            nursery.start_soon(websocket.upgrade, nursery)
            nursery.start_soon(both.listen)
            await trio.testing.wait_all_tasks_blocked()
            await theirs.send_eof()
            with pytest.raises(WebSocketBrokenError):
                await websocket.wait_open()
            nursery.cancel_scope.cancel()


async def test_a_frame_cannot_begin_within_another() -> None:
    """A second `send()` at the same time is an error in cometconn, and does not tear the first frame."""
    async with ends() as both:
        both.nursery.start_soon(blocked_send_that_ends, both)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(IllegalTransitionError):
            await both.websocket.send("at the same time")
        assert await both.read() == [(1, b"x" * 1000)]


async def test_the_closing_handshake_cannot_begin_behind_the_end() -> None:
    """After the end, or a second time, `close()` is an error in cometconn, and `can_close` is `False`."""
    async with ends() as both:
        await both.theirs.send_eof()
        await trio.testing.wait_all_tasks_blocked()
        assert not both.websocket.can_close
        with pytest.raises(IllegalTransitionError):
            await both.websocket.close()


async def test_accepting_never_blocks() -> None:
    """What trio-websocket writes is accepted without waiting, so each write is only a checkpoint."""
    ours, _ = memory_socket_pair(0)
    ignore: Callable[..., None] = lambda *_: None  # noqa: E731
    with trio.fail_after(20):
        await FeedableStream(ours, ignore, ignore).wait_send_all_might_not_block()


async def test_a_call_that_reads_returns_right_behind_the_read() -> None:
    """A call that read returns without another step; what needs other tasks comes with the next calls, which do not read."""
    async with reading() as (websocket, theirs):
        wire = frame(9) + text("1") + text("2") + frame(2, b"3") + text("4") + text("five")
        await theirs.send_all(wire)
        first = await websocket.messages(64)
        assert (first.messages, first.size, first.more) == ([], len(wire), True)
        assert not theirs._incoming.buffer, "the ping has not been replied to"
        received = [first]
        while received[-1].more:
            received.append(await websocket.messages(64))
        assert [message for each in received for message in each.messages] == ["1", "2", b"3", "4", "five"]
        assert not any(each.size for each in received[1:])


async def test_texts_come_together_and_anything_else_alone() -> None:
    """One call returns at most *most* texts; a binary message, or one in fragments, is returned alone."""
    async with reading() as (websocket, theirs):
        fragments = frame(1, b"5", fin=False) + frame(0, b"6")
        await theirs.send_all(text("1") + text("2") + text("3") + frame(2, b"4") + fragments + text("7"))
        received = []
        while not received or received[-1].more:
            received.append(await websocket.messages(2))
        messages = [list(each.messages) for each in received if each.messages]
        assert messages[:3] == [["1", "2"], ["3"], [b"4"]]
        assert messages[3:] == [["56"], ["7"]]


async def test_a_message_that_is_incomplete_is_none_and_the_next_call_reads() -> None:
    """An incomplete message is returned by the call that reads its end."""
    async with reading() as (websocket, theirs):
        await theirs.send_all(text("in two parts")[:5])
        assert await websocket.messages(64) == Received([], 5, more=False)
        await theirs.send_all(text("in two parts")[5:])
        assert await websocket.messages(64) == Received(["in two parts"], 9, more=False)


async def test_a_call_for_no_message_only_reads() -> None:
    """A call for no message reads, and leaves messages that have been read where they are."""
    async with reading() as (websocket, theirs):
        await theirs.send_all(text("1") + text("2"))
        assert (await websocket.messages(1)).messages == ["1"]
        await theirs.send_all(text("three"))
        assert (await websocket.messages(0)).size == len(text("three"))
        assert (await websocket.messages(64)).messages == ["2", "three"]


async def test_the_error_comes_behind_the_last_message() -> None:
    """The error is raised after the last message, and again at every further call of `messages()`."""
    async with reading() as (websocket, theirs):
        await theirs.send_all(text("1") + frame(9) + text("2") + close(1011))
        messages: list[Message] = []
        for _ in range(2):
            with pytest.raises(WebSocketClosedError):
                while True:
                    messages += (await websocket.messages(64)).messages
        assert messages == ["1", "2"]


async def test_every_call_is_a_checkpoint() -> None:
    """A call that only returns what has been read, which may be tens of thousands of messages, is a checkpoint, too."""
    async with reading() as (websocket, theirs):
        await theirs.send_all(text("x") * 10 + frame(2, b"x") * 2)
        while True:
            with trio.testing.assert_checkpoints():
                received = await websocket.messages(3)
            if not received.more:
                break


@asynccontextmanager
async def reading() -> AsyncGenerator[tuple[TrioWebSocket, MemorySocket], None]:
    """Yield a WebSocket that is open, and of which nothing is read but by the test, and the server's end."""
    with trio.fail_after(20):
        ours, theirs = memory_socket_pair(1 << 20)
        async with trio.open_nursery() as nursery:
            websocket = TrioWebSocket(ours, "ws://127.0.0.1/", {})
            nursery.start_soon(websocket.upgrade, nursery)
            await theirs.send_all(switching(await theirs.receive_some()))
            received = await websocket.messages(64)
            while received.more:
                received = await websocket.messages(64)
            await websocket.wait_open()
            yield websocket, theirs
            await websocket.aclose_forcefully()
            nursery.cancel_scope.cancel()
