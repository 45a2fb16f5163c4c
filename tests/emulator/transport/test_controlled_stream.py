"""`cometconn.emulator.transport.controlled_stream`."""

from __future__ import annotations

import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cometconn.emulator import Kind
from cometconn.emulator.transport.controlled_stream import ControlledStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_CLOSE_1000 = b"\x88\x02\x03\xe8"


class _Report:
    def __init__(self) -> None:
        self.seen: list[tuple[Kind, dict[str, Any]]] = []

    def __call__(self, kind: Kind, /, **detail: Any) -> None:
        self.seen.append((kind, detail))


@asynccontextmanager
async def _pair() -> AsyncGenerator[tuple[ControlledStream, trio.SocketStream, _Report], None]:
    """Connect a controlled stream with a plain one, over real sockets."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        with trio.fail_after(10):
            peer = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            stream, report = ControlledStream(await listener.accept()), _Report()
            stream.watch(report)
            async with peer, stream:
                yield stream, peer, report


async def test_bytes_pass_both_ways() -> None:
    """Until it is cut, reset or silenced it is a stream like any other, and can be half-closed."""
    async with _pair() as (stream, peer, report):
        await peer.send_all(b"there")
        assert await stream.receive_some() == b"there"
        await stream.wait_send_all_might_not_block()
        await stream.send_all(b"back")
        assert await peer.receive_some() == b"back"
        await stream.send_eof()
        assert await peer.receive_some() == b""

        assert report.seen == []


async def test_the_end_of_the_stream_is_reported() -> None:
    """The peer's FIN is an EOF."""
    async with _pair() as (stream, peer, report):
        await peer.aclose()

        assert await stream.receive_some() == b""
        assert report.seen == [(Kind.EOF, {})]


async def test_the_peers_reset_is_reported() -> None:
    """The peer's RST is a reset by the client."""
    async with _pair() as (stream, peer, report):
        ControlledStream(peer).reset()

        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        assert report.seen == [(Kind.RESET, {"by": "client"})]


async def test_a_reset_breaks_both_ends_at_once() -> None:
    """The peer gets RST, the stream's own reader fails, and a second reset does nothing."""
    async with _pair() as (stream, peer, report), trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive_some()

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        stream.reset()
        stream.reset()

        with pytest.raises(trio.BrokenResourceError):
            await peer.receive_some()
        assert report.seen == [(Kind.RESET, {"by": "server"})]


async def test_a_cut_frees_a_writer_that_is_stuck() -> None:
    """A write that the peer does not read ends when the stream is cut."""
    async with _pair() as (stream, _, _), trio.open_nursery() as nursery:

        async def write() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await stream.send_all(bytes(100_000_000))

        nursery.start_soon(write)
        await wait_all_tasks_blocked()
        stream.cut()
        stream.cut()


async def test_silence_drops_all_but_eof() -> None:
    """What is written and what comes is dropped; only EOF is reported."""
    async with _pair() as (stream, peer, report):
        stream.silence()
        await stream.send_all(b"unheard")
        await stream.send_eof()
        await peer.send_all(b"unread")
        await peer.send_eof()

        assert await stream.receive_some() == b""
        assert report.seen == [(Kind.EOF, {})]
        await stream.aclose()
        assert await peer.receive_some() == b""


async def test_close_frames_are_seen_as_they_pass() -> None:
    """Both directions are watched from the upgrade on, after the HTTP head of the answer."""
    async with _pair() as (stream, peer, report):
        await peer.send_all(_CLOSE_1000)
        await stream.receive_some()
        assert report.seen == []

        stream.expect_frames()
        await stream.send_all(b"HTTP/1.1 101 \r\n\r\n")
        assert not stream.close_sent.is_set()
        await peer.send_all(_CLOSE_1000)
        await stream.receive_some()
        await stream.send_all(b"\x88\x00")

        assert report.seen == [(Kind.CLOSE_IN, {"code": 1000}), (Kind.CLOSE_OUT, {"code": None})]
        assert stream.close_sent.is_set()
        assert stream.upgraded


async def test_a_close_frame_is_seen_even_in_silence() -> None:
    """The log shows what the client wrote, even where the server ignores it."""
    async with _pair() as (stream, peer, report):
        stream.expect_frames()
        stream.silence()
        await peer.send_all(_CLOSE_1000)
        await peer.send_eof()

        assert await stream.receive_some() == b""
        assert report.seen == [(Kind.CLOSE_IN, {"code": 1000}), (Kind.EOF, {})]


async def test_plain_http_is_not_reported() -> None:
    """A stream that is not watched ends without a report."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        with trio.fail_after(10):
            peer = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
            async with ControlledStream(await listener.accept()) as stream:
                await peer.aclose()
                assert await stream.receive_some() == b""


async def test_send_eof_beside_a_write_breaks_neither() -> None:
    """The write succeeds, or fails because the direction is closed; never because the stream is busy."""
    for _ in range(20):  # Trio runs the two in random order
        async with _pair() as (stream, peer, _):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_tolerant, trio.BusyResourceError, stream.send_eof)
                nursery.start_soon(_tolerant, trio.ClosedResourceError, stream.send_all, b"words")
            assert await peer.receive_some() in {b"words", b""}


async def _tolerant(error: type[Exception], call: Any, *args: Any) -> None:
    with contextlib.suppress(trio.BrokenResourceError, error):  # as hypercorn does
        await call(*args)


async def test_send_eof_during_a_write_is_refused() -> None:
    """The write is not finished; hypercorn closes the connection instead."""
    async with _pair() as (stream, _, _report):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, bytes(20_000_000))
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await stream.send_eof()
            nursery.cancel_scope.cancel()


async def test_send_eof_on_a_closed_stream_fails() -> None:
    """`send_eof()` fails on a stream that is closed."""
    async with _pair() as (stream, _, _report):
        stream.cut()
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_eof()
