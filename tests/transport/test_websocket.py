"""`TrioWebSocket` against servers that misbehave, over real sockets.

The letters are the rows of the failure catalogue: what hangs, tears or leaks when trio-websocket is used directly.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.lowlevel
import trio.testing

from cometconn._transport.abc import (
    LongMessage,
    Message,
    UpgradeRefusedError,
    WebSocketBrokenError,
    WebSocketClosedError,
    WebSocketError,
)
from cometconn._transport.tls import encrypt
from cometconn._transport.websocket import TrioWebSocket
from tests.conformance.authority import Authority

from .proxies import tls_front
from .raw_server import Script, close, frame, raw_server, read_frames, read_head, reset, switching, text, upgrade

if TYPE_CHECKING:
    from collections.abc import Sequence

SLACK = 15.0  # seconds that a busy machine may take for what is immediate


@attrs.define(eq=False)
class Peer:
    """A client end with its reader running, as the link nursery runs it."""

    websocket: TrioWebSocket
    messages: list[Message] = attrs.field(factory=list)
    taken: int = 0
    more: bool = False
    error: WebSocketError | None = None
    ended: trio.Event = attrs.field(factory=trio.Event)
    news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    async def read(self) -> None:
        """Do what the receive loop does."""
        try:
            while True:
                received = await self.websocket.messages(64)
                self.taken += received.size
                self.more = received.more
                self.messages += received.messages
                self.news.unpark_all()
        except WebSocketError as error:
            self.error = error
        self.ended.set()
        while (await self.websocket.messages(0)).size:
            pass

    async def wait_messages(self, count: int) -> None:
        """Wait until so many messages have come."""
        while len(self.messages) < count:
            await self.news.park()


@attrs.define(eq=False)
class Passes(trio.abc.Instrument):
    """Counts the passes of the scheduler."""

    count: int = 0

    def after_io_wait(self, timeout: float) -> None:
        self.count += 1


@asynccontextmanager
async def client_end(url: str, *, tls: bool) -> AsyncGenerator[trio.abc.Stream, None]:
    """A byte stream to the server at *url*."""
    port = int(url.rsplit(":", 1)[1].rstrip("/"))
    if not tls:
        yield await trio.open_tcp_stream("127.0.0.1", port)
        return
    authority = Authority()
    async with tls_front(authority.server(None), port) as front:
        yield await encrypt(await trio.open_tcp_stream("127.0.0.1", front), authority.client(), "chat.test", {})


@asynccontextmanager
async def connected(script: Script, *, within: float = SLACK, tls: bool = False) -> AsyncGenerator[Peer, None]:
    """A peer connected to *script*; everything, the end included, is over *within* seconds of its own."""
    with trio.fail_after(20):
        async with raw_server(script) as url, client_end(url, tls=tls) as stream:
            peer = Peer(TrioWebSocket(stream, url, {"x-extra": "yes"}))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.websocket.upgrade, nursery)
                nursery.start_soon(peer.read)
                yield peer
                with trio.fail_after(within):
                    await peer.websocket.aclose_forcefully()
                    nursery.cancel_scope.cancel()


async def forever(stream: trio.SocketStream) -> None:
    """Keep TCP open and send nothing more."""
    del stream
    await trio.sleep_forever()


def sending_after_the_first_frame(data: bytes, got: list[tuple[int, bytes]]) -> Script:
    """Return a server that sends *data* when it has got the first frame."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            while not got:
                await trio.lowlevel.checkpoint()
            await stream.send_all(data)

    return script


async def test_messages_come_in_order_and_frames_go_out() -> None:
    """With a well-behaved server, messages arrive in order, our frames can be read, and the request is right."""
    heads: list[bytes] = []
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        heads.append(await read_head(stream))
        await stream.send_all(switching(heads[0]))
        await stream.send_all(
            text("one") + text("two") + frame(1, b"thr", fin=False) + frame(9, b"hi") + frame(0, b"ee")
        )
        await read_frames(stream, got)

    async with connected(script) as peer:
        await peer.websocket.wait_open()
        await peer.websocket.send("hello")
        await peer.wait_messages(3)
        assert peer.messages == ["one", "two", "three"]
        assert peer.websocket.can_close
        with trio.fail_after(SLACK):
            while len(got) < 2:
                await trio.lowlevel.checkpoint()
        assert sorted(got) == [(1, b"hello"), (10, b"hi")]
    assert heads[0].startswith(b"GET / HTTP/1.1\r\n")
    assert b"x-extra: yes" in heads[0]


async def test_nothing_that_was_taken_is_kept_while_the_server_is_silent() -> None:
    """A read of up to 64 KiB is freed once its messages were taken, not at the next read."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.send_all(text("x" * 1000) * 300)
        await forever(stream)

    async with connected(script) as peer:
        await peer.wait_messages(300)
        await trio.testing.wait_all_tasks_blocked()  # the reader waits for the socket
        assert len(peer.websocket._scanner._buffer) == 0


async def test_clients_do_not_all_take_in_a_burst_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most four clients of a run read 64 KiB in one pass of the scheduler; a client reads 4 KiB when little has come."""
    reads: list[tuple[int, int, int]] = []  # the pass, the bytes that were wanted, and those that came
    trio.lowlevel.add_instrument(passes := Passes())
    read = os.read

    def noted(file: int, most: int) -> bytes:
        data = read(file, most)
        reads.append((passes.count, most, len(data)))
        return data

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await everyone.wait()
        await stream.send_all(text("x" * 1000) * 300)
        for more in (finished, again):
            await more.wait()
            await stream.send_all(text("one more") + text("and one"))
        await forever(stream)

    everyone, finished, again = trio.Event(), trio.Event(), trio.Event()
    monkeypatch.setattr("os.read", noted)
    async with contextlib.AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(script)) for _ in range(8)]
        for peer in peers:
            await peer.websocket.wait_open()
        everyone.set()
        for peer in peers:
            await peer.wait_messages(300)
        finished.set()
        for peer in peers:
            await peer.wait_messages(302)
        again.set()
        for peer in peers:
            await peer.wait_messages(304)
    long = [at for at, most, _ in reads if most == 64 * 1024]
    assert {most for _, most, _ in reads} == {4 * 1024, 64 * 1024}
    assert max(map(long.count, long)) <= 4
    assert sum(size for *_, size in reads) > 8 * 300_000
    assert [(most, size) for _, most, size in reads[-8:]] == [(4 * 1024, len(text("one more") + text("and one")))] * 8


async def test_the_closing_handshake() -> None:
    """Our close frame has code 1000, and `close()` returns when the server's has come."""
    got: list[tuple[int, bytes]] = []
    async with connected(sending_after_the_first_frame(close(1000), got)) as peer:
        await peer.websocket.wait_open()
        with trio.fail_after(SLACK):
            await peer.websocket.close()
        assert not peer.websocket.can_close
    assert got == [(8, b"\x03\xe8")]


async def test_the_close_frame_can_go_ahead() -> None:
    """The close frame is written in the call, once and last; `close()` still waits for that of the server."""
    got: list[tuple[int, bytes]] = []
    written: list[str] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await opened.wait()
        assert not peer.websocket.close_frame_written
        peer.websocket.close_nowait()
        assert peer.websocket.close_frame_written
        readable, _, _ = select.select([stream.socket.fileno()], [], [], SLACK)  # no task runs meanwhile
        assert readable
        await stream.send_all(frame(9, b"are you there") + text("read"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            while not written:
                await trio.lowlevel.checkpoint()
            await stream.send_all(close(1000))

    opened = trio.Event()
    async with connected(script) as peer:
        await peer.websocket.wait_open()
        opened.set()
        await peer.wait_messages(1)
        peer.websocket.close_nowait()  # and not a second time
        assert peer.websocket.can_close
        with trio.fail_after(SLACK):
            await peer.websocket.close(lambda: written.append("close frame"))
    assert got == [(8, b"\x03\xe8")]
    assert written == ["close frame"]


async def test_over_tls_the_close_frame_goes_ahead_as_well() -> None:
    """The socket has all of it before any task runs."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await read_frames(stream, got)

    async with connected(script, tls=True) as peer:
        await peer.websocket.wait_open()
        assert peer.websocket.send_nowait("at once")
        peer.websocket.close_nowait()
        assert peer.websocket.close_frame_written
        with trio.fail_after(SLACK):
            while len(got) < 2:
                await trio.lowlevel.checkpoint()
    assert got == [(1, b"at once"), (8, b"\x03\xe8")]


async def test_a_message_can_leave_at_once() -> None:
    """A message is written whole in the call, and a server reads it like any other, also between trio-websocket's frames."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await opened.wait()
        assert peer.websocket.send_nowait("at once")
        readable, _, _ = select.select([stream.socket.fileno()], [], [], SLACK)  # no task runs meanwhile
        assert readable
        left.set()
        await read_frames(stream, got)

    opened, left = trio.Event(), trio.Event()
    async with connected(script) as peer:
        assert not peer.websocket.send_nowait("too soon")
        await peer.websocket.wait_open()
        opened.set()
        await left.wait()
        assert not peer.websocket.send_nowait("x" * 65_536)
        await peer.websocket.send("by a task")
        assert peer.websocket.send_nowait("é" * 100)
        peer.websocket.close_nowait()
        assert not peer.websocket.send_nowait("too late")
        with trio.fail_after(SLACK):
            while len(got) < 4:
                await trio.lowlevel.checkpoint()
    assert got == [(1, b"at once"), (1, b"by a task"), (1, "é".encode() * 100), (8, b"\x03\xe8")]


@pytest.mark.parametrize("over_tls", [False, True])
async def test_a_message_that_left_in_part_is_finished_first(
    monkeypatch: pytest.MonkeyPatch, *, over_tls: bool
) -> None:
    """The rest of a message of which a part was written goes before anything else, once, whatever is sent next."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await begun.wait()
        if pinged:
            await stream.send_all(frame(9, b"are you there"))
        await read_frames(stream, got)

    for pinged in (False, True):
        begun, write = trio.Event(), os.write
        got.clear()
        async with connected(script, tls=over_tls) as peer:
            await peer.websocket.wait_open()
            with monkeypatch.context() as patch:
                patch.setattr("os.write", lambda file, data: write(file, data[:9]))  # noqa: B023 - used in this round
                assert not peer.websocket.send_nowait("in two parts")
                assert not peer.websocket.send_nowait("another")
            begun.set()
            with trio.fail_after(SLACK):
                while pinged and not got:
                    await trio.lowlevel.checkpoint()
                await peer.websocket.send("in two parts")
                await peer.websocket.send("and on")
                while (1, b"and on") not in got:
                    await trio.lowlevel.checkpoint()
            assert peer.websocket.can_close
        pongs = [(10, b"are you there")] if pinged else []
        assert got == [(1, b"in two parts"), *pongs, (1, b"and on")]


@pytest.mark.parametrize("texts", [["in two parts"], []])
@pytest.mark.parametrize("over_tls", [False, True])
async def test_the_close_frame_behind_half_a_frame(
    texts: list[str], monkeypatch: pytest.MonkeyPatch, *, over_tls: bool
) -> None:
    """If the socket took a part of a message or of the close frame, `close()` writes the rest, and no second close frame."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await begun.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            while (8, b"\x03\xe8") not in got:
                await trio.lowlevel.checkpoint()
            await stream.send_all(close(1000))

    begun, write = trio.Event(), os.write
    async with connected(script, tls=over_tls) as peer:
        await peer.websocket.wait_open()
        with monkeypatch.context() as patch:
            patch.setattr("os.write", lambda file, data: write(file, data[:5]))
            for text in texts:
                assert not peer.websocket.send_nowait(text)
            peer.websocket.close_nowait()
            assert not peer.websocket.close_frame_written
        begun.set()
        with trio.fail_after(SLACK):
            await peer.websocket.close()
    assert got == [*((1, text.encode()) for text in texts), (8, b"\x03\xe8")]


async def test_a_ping_in_the_middle_of_the_closing_handshake() -> None:
    """It ends trio-websocket's reader, whose closing handshake would otherwise never return: `close()` returns at once."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.send_all(frame(9, b"are you there"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            while (8, b"\x03\xe8") not in got:
                await trio.lowlevel.checkpoint()
            await stream.send_all(frame(9, b"and now"))

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            while (10, b"are you there") not in got:
                await trio.lowlevel.checkpoint()
            await peer.websocket.close()
    assert got == [(10, b"are you there"), (8, b"\x03\xe8")]


async def test_a_ping_before_trio_websocket_is_open_for_the_closing_handshake() -> None:
    """Until the closing handshake nothing was for trio-websocket. What comes meanwhile, is for it, and `close()` still returns."""
    got: list[tuple[int, bytes]] = []
    behind = frame(9, b"are you there") + frame(2, b"dropped") + close(1000)
    async with connected(sending_after_the_first_frame(behind, got)) as peer:
        await peer.websocket.wait_open()
        assert not peer.websocket._has_library
        with trio.fail_after(SLACK):
            await peer.websocket.close()
    assert got == [(8, b"\x03\xe8")]


@pytest.mark.parametrize(
    "data", [frame(9), frame(2, b"binary"), close(1000), b"\xc1\x01a"], ids=["ping", "binary", "close", "RSV"]
)
async def test_trio_websocket_is_opened_by_the_first_bytes_that_are_for_it(data: bytes) -> None:
    """Text messages, also in fragments, need no trio-websocket: a connection without it is cheaper to open and to keep."""
    more = trio.Event()

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        fragments = frame(1, b"", fin=False) + frame(0, b"", fin=False) * 1000 + frame(0, b"two")
        await stream.send_all(text("one") + fragments)
        await more.wait()
        await stream.send_all(data)
        await forever(stream)

    async with connected(script) as peer:
        await peer.wait_messages(2)
        assert not peer.websocket._has_library
        more.set()
        with trio.fail_after(SLACK):
            while not peer.websocket._library.is_open:
                await trio.lowlevel.checkpoint()
        assert peer.messages[:2] == ["one", "two"]


async def test_a_close_frame_does_not_go_ahead_of_half_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another write is running, no close frame is written."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await forever(stream)

    written: list[bytes] = []
    async with connected(script) as peer, trio.open_nursery() as nursery:
        await peer.websocket.wait_open()
        nursery.start_soon(peer.websocket.send, "x" * 50_000_000)
        await trio.testing.wait_all_tasks_blocked()
        monkeypatch.setattr("os.write", lambda _, data: written.append(data))
        peer.websocket.close_nowait()
        assert not written
        nursery.cancel_scope.cancel()


async def test_messages_under_way_do_not_delay_the_closing_handshake() -> None:
    """Messages that are not taken any more do not keep trio-websocket from the server's close frame."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        got: list[tuple[int, bytes]] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            while not got:
                await stream.send_all(text("flood"))
            await stream.send_all(text("late") * 50 + close(1000))

    async with connected(script) as peer:
        await peer.wait_messages(1)
        with trio.fail_after(SLACK):
            await peer.websocket.close()


async def test_closing_in_the_middle_of_a_message() -> None:
    """trio-websocket gets what the scanner holds of a message, with the rest, and finds the close frame after it."""
    message, halfway = text("x" * 100), trio.Event()

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, message[:50])
        await halfway.wait()
        await stream.send_all(message[50:])
        got: list[tuple[int, bytes]] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            while not got:
                await trio.lowlevel.checkpoint()
            assert got[0][0] == 8
            await stream.send_all(close(1000))

    async with connected(script) as peer:
        await peer.websocket.wait_open()
        await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.fail_after(SLACK):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.websocket.close)
                await trio.testing.wait_all_tasks_blocked()
                halfway.set()
        assert peer.websocket._library.recorded is not None
        assert peer.websocket._library.recorded.code == 1000


@pytest.mark.parametrize("code", [1002, 1007, 1009])
async def test_a_close_code_of_the_server_is_not_a_verdict_on_it(code: int) -> None:
    """With a close frame the code is the server's, although trio-websocket records the same codes for its own refusals."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, close(code))
        await forever(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            await peer.ended.wait()
        assert isinstance(peer.error, WebSocketClosedError)
        assert peer.error.code == code


async def test_row_a_the_server_closes_and_keeps_tcp_open() -> None:
    """A. A close frame without the end of TCP ends the WebSocket at once."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, text("last words") + close(1012, "restarting"))
        await forever(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            await peer.ended.wait()
        assert peer.messages == ["last words"]
        assert isinstance(peer.error, WebSocketClosedError)
        assert (peer.error.code, peer.error.reason) == (1012, "restarting")
        assert not peer.websocket.can_close


async def test_row_b_the_server_dies() -> None:
    """B. `messages()` raises as soon as the stream ends; no ping of trio-websocket's hangs."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, text("x"))

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            await peer.ended.wait()
        assert peer.messages == ["x"]
        assert isinstance(peer.error, WebSocketBrokenError)


async def test_row_b_the_server_resets() -> None:
    """B. A TCP RST is distinguished from an orderly end, with its cause chained."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        reset(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            await peer.ended.wait()
        assert isinstance(peer.error, WebSocketBrokenError)
        assert isinstance(peer.error.__cause__, trio.BrokenResourceError)


async def test_row_c_the_server_ignores_our_close_frame() -> None:
    """C. `close()` waits no longer than its caller allows, and then the stream is closed by force."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await forever(stream)

    async with connected(script) as peer:
        await peer.websocket.wait_open()
        with trio.move_on_after(0.05) as scope:
            await peer.websocket.close()
        assert scope.cancelled_caught
        with trio.fail_after(SLACK):
            await peer.websocket.aclose_forcefully()


GARBAGE = [
    b"\xff\xff\xff\xff",
    frame(3, b"reserved"),
    b"\x81\x85aaaabbbbb",
    b"\xc1\x01a",
    frame(1, b"\xff\xfe"),
    frame(9, b"x" * 126),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=["ones", "opcode", "masked", "rsv", "utf8", "long-ping"])
async def test_row_d_the_server_sends_garbage_and_keeps_tcp_open(garbage: bytes) -> None:
    """D. What RFC 6455 does not allow ends the WebSocket at once, whatever the server does with TCP."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, text("fine") + garbage)
        await forever(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            await peer.ended.wait()
        assert peer.messages == ["fine"]
        assert isinstance(peer.error, WebSocketError)


async def test_row_e_unread_messages_do_not_hold_up_the_end() -> None:
    """E. Hundreds of messages that are not read do not delay closing."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, text("x" * 100) * 400)
        await forever(stream)

    with trio.fail_after(10):
        async with raw_server(script) as url:
            stream = await trio.open_tcp_stream("127.0.0.1", int(url.rsplit(":", 1)[1].rstrip("/")))
            websocket = TrioWebSocket(stream, url, {})
            async with trio.open_nursery() as nursery:
                nursery.start_soon(websocket.upgrade, nursery)
                messages: list[Message] = []
                while not messages:
                    messages += (await websocket.messages(1)).messages
                assert messages == ["x" * 100]
                with trio.fail_after(SLACK):
                    await websocket.aclose_forcefully()
                    nursery.cancel_scope.cancel()


async def test_row_f_server_pings_get_their_pongs_while_messages_are_read() -> None:
    """F. A ping behind a burst of messages gets its pong."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, text("x") * 500 + frame(9, b"are you there"))
        await read_frames(stream, got)

    async with connected(script) as peer:
        await peer.wait_messages(500)
        with trio.fail_after(SLACK):
            while not got:
                await trio.lowlevel.checkpoint()
        assert got == [(10, b"are you there")]


async def test_row_g_a_cut_write_forbids_the_closing_handshake() -> None:
    """G. A write cut half-way is recorded as torn: no frame follows it, and no close frame either."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await forever(stream)

    async with connected(script) as peer:
        await peer.websocket.wait_open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.websocket.send, "x" * 50_000_000)  # more than a connection's buffers may grow to
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert not peer.websocket.can_close


async def test_row_g_a_cancel_before_the_first_byte_tears_nothing() -> None:
    """G. A send that was cancelled before it began leaves the WebSocket whole."""
    got: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await read_frames(stream, got)

    async with connected(script) as peer:
        await peer.websocket.wait_open()
        with trio.CancelScope() as scope:
            scope.cancel()
            await peer.websocket.send("never")
        assert peer.websocket.can_close
        await peer.websocket.send("whole")
        with trio.fail_after(SLACK):
            while not got:
                await trio.lowlevel.checkpoint()
        assert got == [(1, b"whole")]


REFUSALS: Sequence[tuple[bytes, type[WebSocketError]]] = [
    (b"", WebSocketBrokenError),
    (b"HTTP/1.1 50", WebSocketBrokenError),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\nRetry-After: 7\r\n\r\ncut", UpgradeRefusedError),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", UpgradeRefusedError),
    (b"HTTP/1.1 302 Found\r\nLocation: ws://elsewhere/\r\n\r\n", UpgradeRefusedError),
    (b"SSH-2.0-OpenSSH\r\n\r\n", WebSocketBrokenError),
    (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: d3Jvbmc=\r\n\r\n",
        WebSocketBrokenError,
    ),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", WebSocketBrokenError),
]


@pytest.mark.parametrize("keep_open", [False, True], ids=["eof", "kept-open"])
@pytest.mark.parametrize(
    ("response", "kind"),
    REFUSALS,
    ids=["nothing", "half-line", "cut-503", "503", "redirect", "ssh", "wrong-key", "bare-101"],
)
async def test_row_k_a_failed_upgrade_is_an_error_at_once(
    response: bytes, kind: type[WebSocketError], keep_open: bool
) -> None:
    """K. Whatever the response to the upgrade is, `wait_open()` and `messages()` raise at once."""
    if keep_open and response in {b"", b"HTTP/1.1 50"}:
        pytest.skip("the deadline of the attempt bounds the wait for the response")

    async def script(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(response)
        if keep_open:
            await forever(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            with pytest.raises(kind):
                await peer.websocket.wait_open()
            await peer.ended.wait()
        assert peer.error is peer.websocket._failure
        assert not peer.websocket.can_close


async def test_row_k_a_reset_during_the_upgrade() -> None:
    """K. A TCP RST in place of a response is an error at once."""

    async def script(stream: trio.SocketStream) -> None:
        await read_head(stream)
        reset(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK), pytest.raises(WebSocketBrokenError):
            await peer.websocket.wait_open()


async def test_a_refusal_carries_status_and_retry_after() -> None:
    """The error of a refused upgrade has its status and the delay of Retry-After."""

    async def script(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 429 Slow down\r\nretry-after:  17\r\n\r\n")

    async with connected(script) as peer:
        with trio.fail_after(SLACK), pytest.raises(UpgradeRefusedError, match="429") as caught:
            await peer.websocket.wait_open()
        assert (caught.value.status, caught.value.retry_after) == (429, 17.0)


async def test_a_response_one_byte_at_a_time_and_messages_behind_it() -> None:
    """The response may come byte by byte, and messages behind the 101 are not lost."""

    async def script(stream: trio.SocketStream) -> None:
        for byte in switching(await read_head(stream)) + text("surplus"):
            await stream.send_all(bytes([byte]))
        await forever(stream)

    async with connected(script) as peer:
        with trio.fail_after(SLACK):
            await peer.websocket.wait_open()
            await peer.wait_messages(1)
        assert peer.messages == ["surplus"]


@pytest.mark.parametrize("fragments", [1, 21])
async def test_a_message_of_more_than_16_mib_ends_the_websocket(fragments: int) -> None:
    """A message of more than 16 MiB, in one frame or many, is closed with code 1009, and nothing after it is taken."""
    got: list[tuple[int, bytes]] = []
    closed = trio.Event()

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_closing, stream, got, closed)
            payload = b"x" * (21_000_000 // fragments)
            with contextlib.suppress(trio.BrokenResourceError):  # the client may close before the end
                for number in range(fragments):
                    await stream.send_all(frame(1 if number == 0 else 0, payload, fin=fragments == 1))
                await stream.send_all(text("behind"))

    async with connected(script, within=5) as peer:
        with trio.fail_after(10):
            await peer.ended.wait()
            await closed.wait()
        assert peer.messages == []
        assert isinstance(peer.error, WebSocketBrokenError)
        assert "16777216 bytes" in str(peer.error)
        assert not peer.websocket.can_close
    assert got == [(8, b"\x03\xf1")]


async def read_closing(stream: trio.SocketStream, got: list[tuple[int, bytes]], closed: trio.Event) -> None:
    """Read the client's frames; set *closed* when its close frame is among them."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_frames, stream, got)
        while not any(opcode == 8 for opcode, _ in got):
            await trio.lowlevel.checkpoint()
        closed.set()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("over_tls", [False, True])
async def test_a_message_of_more_than_the_limit_becomes_a_long_message(over_tls: bool) -> None:
    """In any form, plain or over TLS, its size is known, pings within it get pongs, and the next message comes."""
    got: list[tuple[int, bytes]] = []
    payload = b"x" * 1_500_000

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_frames, stream, got)
            await stream.send_all(text("before") + frame(1, payload) + text("between"))
            await stream.send_all(frame(1, payload[:500_000], fin=False) + frame(9, b"ping"))
            await stream.send_all(frame(0, payload[500_000:]) + frame(2, payload) + text("behind"))
            await stream.send_all(frame(1, b"x" * (1 << 20)))

    async with connected(script, within=5, tls=over_tls) as peer:
        with trio.fail_after(10):
            await peer.wait_messages(7)
            while not got:
                await trio.lowlevel.checkpoint()
        head = "x" * 65_536
        long = LongMessage(head, 1_500_000)
        binary = LongMessage(head.encode(), 1_500_000)
        assert peer.messages == ["before", long, "between", long, binary, "behind", "x" * (1 << 20)]
        assert peer.websocket.can_close
        assert got == [(10, b"ping")]


async def test_other_tasks_run_while_fragments_are_put_together() -> None:
    """Other tasks run while the twenty thousand fragments of one message are put together."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.send_all(frame(1, b"", fin=False) + frame(0, b"x", fin=False) * 20_000 + frame(0))
        await forever(stream)

    async with connected(script) as peer:
        turns = 0
        with trio.fail_after(10):
            while not peer.messages:
                turns += peer.taken > 1000 and peer.more
                await trio.lowlevel.checkpoint()
        assert peer.messages == ["x" * 20_000]
        assert turns > 20


async def test_the_closing_handshake_in_the_middle_of_a_message_that_is_too_long() -> None:
    """trio-websocket continues where the scanner stopped, and finds the server's close frame after the rest."""
    got: list[tuple[int, bytes]] = []
    closed = trio.Event()

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        wire = frame(1, "\u4e2d".encode() * 1_000_000)
        await stream.send_all(text("before") + wire[:1_999_999])
        await read_closing(stream, got, closed)
        await stream.send_all(wire[1_999_999:] + close(1000))

    async with connected(script, within=5) as peer:
        with trio.fail_after(10):
            await peer.wait_messages(1)
            while peer.taken < 1_999_999:
                await trio.lowlevel.checkpoint()
            await peer.websocket.close()
        assert peer.messages == ["before"]
        assert got == [(8, b"\x03\xe8")]


async def test_cancelling_the_reader_loses_no_message() -> None:
    """Calls of `messages()` that are cancelled again and again return every message once, in order."""

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream, b"".join(text(str(i)) + frame(2, b"") + frame(9) * (i % 3) for i in range(100)))
        await forever(stream)

    got: list[Message] = []
    with trio.fail_after(10):
        async with raw_server(script) as url:
            stream = await trio.open_tcp_stream("127.0.0.1", int(url.rsplit(":", 1)[1].rstrip("/")))
            websocket = TrioWebSocket(stream, url, {})
            async with trio.open_nursery() as nursery:
                nursery.start_soon(websocket.upgrade, nursery)
                while len(got) < 200:
                    with trio.CancelScope() as scope:
                        if len(got) % 2:
                            nursery.start_soon(_cancel_soon, scope, len(got) % 5)
                        got += (await websocket.messages(1 + len(got) % 3)).messages
                await websocket.aclose_forcefully()
                nursery.cancel_scope.cancel()
    assert got == [message for i in range(100) for message in (str(i), b"")]


async def _cancel_soon(scope: trio.CancelScope, checkpoints: int) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()
