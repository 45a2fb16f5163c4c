"""A plain socket, without Trio's checkpoints on either side of a system call."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from cometconn._transport.bare_socket import receive_some, write_nowait
from cometconn._transport.read_turns import wait_read_turn

from .raw_server import reset

SLACK = 15.0


@asynccontextmanager
async def socket_pair() -> AsyncGenerator[tuple[trio.SocketStream, trio.SocketStream]]:
    """Two ends of a socket."""
    one, other = map(trio.SocketStream, trio.socket.socketpair())
    async with one, other:
        with trio.fail_after(SLACK):
            yield one, other


async def test_it_reads_what_is_there_and_what_comes() -> None:
    """A read returns as much as there is, up to its limit, waits if there is nothing, and returns no bytes at the end."""
    async with socket_pair() as (one, other), trio.open_nursery() as nursery:
        await other.send_all(b"12345678")
        assert await receive_some(one, 5) == b"12345"
        assert await receive_some(one, 5) == b"678"
        got = []

        async def read() -> None:
            got.append(await receive_some(one, 5))

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        assert not got
        await other.send_all(b"9")
        await wait_all_tasks_blocked()
        assert got == [b"9"]
        await other.aclose()
        assert await receive_some(one, 5) == b""


async def test_a_cancelled_read_takes_nothing() -> None:
    """Bytes that are there when a read is cancelled are there for the next one."""
    async with socket_pair() as (one, other):
        await other.send_all(b"12345678")
        with trio.CancelScope() as scope:
            scope.cancel()
            await receive_some(one, 99)
        assert scope.cancelled_caught
        assert await receive_some(one, 99) == b"12345678"


@pytest.mark.parametrize(("most", "waits"), [(16 * 1024, False), (64 * 1024, True)])
async def test_long_reads_take_turns(most: int, waits: bool) -> None:
    """A read of more than 16 KiB comes behind the tasks that wait for a turn. A cancel in its wait loses nothing."""
    async with socket_pair() as (one, other), trio.open_nursery() as nursery:
        order: list[object] = []

        async def other_reader(number: int) -> None:
            await wait_read_turn()
            order.append(number)

        async def read(scope: trio.CancelScope) -> None:
            with scope:
                order.append(await receive_some(one, most))

        await other.send_all(b"12345678")
        for number in range(21):  # one, and five times four
            nursery.start_soon(other_reader, number)
        await trio.lowlevel.checkpoint()
        if waits:
            nursery.start_soon(read, scope := trio.CancelScope())
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            scope.cancel()
        nursery.start_soon(read, trio.CancelScope())
        await wait_all_tasks_blocked()
        assert (order[-1] == b"12345678") == waits
        assert order.count(b"12345678") == 1


async def test_a_socket_closed_while_a_read_waits_for_its_turn() -> None:
    """The read raises as though it had waited for bytes."""
    async with socket_pair() as (one, other), trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await receive_some(one, 64 * 1024)

        await other.send_all(b"12345678")
        for _ in range(20):
            nursery.start_soon(wait_read_turn)
        await trio.lowlevel.checkpoint()
        nursery.start_soon(read)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        await one.aclose()


async def test_a_cancel_that_comes_too_late_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task cancelled after the socket became readable still gets the bytes: no checkpoint follows the read."""
    async with socket_pair() as (one, other):
        await other.send_all(b"12345678")
        with trio.CancelScope() as scope:

            async def cancelled_meanwhile(_: object) -> None:
                scope.cancel()

            monkeypatch.setattr("trio.lowlevel.wait_readable", cancelled_meanwhile)
            assert await receive_some(one, 99) == b"12345678"
        assert not scope.cancelled_caught


async def test_a_readable_socket_may_have_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that finds nothing waits again, because the operating system does not promise that it succeeds."""
    read, calls = os.read, []

    def nothing_at_first(file: int, most: int) -> bytes:
        calls.append(file)
        if len(calls) == 1:
            raise BlockingIOError
        return read(file, most)

    async with socket_pair() as (one, other):
        await other.send_all(b"1")
        monkeypatch.setattr("os.read", nothing_at_first)
        assert await receive_some(one, 99) == b"1"
    assert len(calls) == 2


async def test_a_socket_closed_on_our_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket closed before, during or within a read always raises the same error, and no other file is read."""
    async with socket_pair() as (one, _), trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await receive_some(one, 99)

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await one.aclose()
        await read()
    async with socket_pair() as (one, other):
        await other.send_all(b"1")

        async def close(_: object) -> None:
            await one.aclose()

        monkeypatch.setattr("trio.lowlevel.wait_readable", close)
        await read()


async def test_a_socket_reset_by_the_server() -> None:
    """A reset socket is broken, with the operating system's error as the cause."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        async with await trio.open_tcp_stream("127.0.0.1", port) as one:
            reset(await listener.accept())
            with trio.fail_after(SLACK), pytest.raises(trio.BrokenResourceError) as caught:
                await receive_some(one, 99)
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_a_socket_that_cannot_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the operating system cannot watch one more socket, its stream is broken, and nothing else."""

    async def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with socket_pair() as (one, _):
        monkeypatch.setattr("trio.lowlevel.wait_readable", full)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await receive_some(one, 99)
    assert isinstance(caught.value.__cause__, OSError)


async def test_other_streams_are_read_their_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams in memory, streams around a socket, and all streams on Windows are read by `receive_some()`."""
    monkeypatch.delattr("os.read")
    one, other = memory_stream_pair()
    await other.send_all(b"in memory")
    assert await receive_some(one, 99) == b"in memory"
    async with socket_pair() as (bare, peer):
        await peer.send_all(b"made of one")
        assert await receive_some(trio.StapledStream(bare, bare), 99) == b"made of one"
        monkeypatch.setattr("sys.platform", "win32")
        await peer.send_all(b"windows")
        assert await receive_some(bare, 99) == b"windows"


async def test_a_socket_takes_bytes_at_once() -> None:
    """Bytes are written without a checkpoint: they are in the socket when the call returns."""
    async with socket_pair() as (one, other):
        assert write_nowait(one, b"12345678") == 8
        assert os.read(other.socket.fileno(), 99) == b"12345678"


async def test_a_stream_that_would_have_to_wait_takes_nothing() -> None:
    """A full or closed socket takes nothing at once, nor does any stream that is no bare socket."""
    async with socket_pair() as (one, other):
        while write_nowait(one, b"x" * 65536):
            pass
        await other.aclose()
        assert write_nowait(one, b"12345678") == 0
        await one.aclose()
        assert write_nowait(one, b"12345678") == 0
        assert write_nowait(memory_stream_pair()[0], b"12345678") == 0


async def test_where_a_socket_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the number of a socket is not that of a file, so nothing is written at once."""
    async with socket_pair() as (one, _):
        monkeypatch.setattr("sys.platform", "win32")
        assert write_nowait(one, b"12345678") == 0
