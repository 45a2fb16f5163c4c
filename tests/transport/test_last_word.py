"""A close frame in one step."""

from __future__ import annotations

import os

import pytest
import trio
from trio.testing import memory_stream_pair
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection

from cometconn._transport.last_word import close_frame, write_nowait


async def socket_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Two ends of a socket."""
    one, other = trio.socket.socketpair()
    return trio.SocketStream(one), trio.SocketStream(other)


def test_a_server_reads_it_as_a_close_frame() -> None:
    """wsproto, which would refuse a frame of a client that is not masked, finds the code and no reason."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(close_frame(1000))
    (event,) = server.events()
    assert event == CloseConnection(code=1000, reason="")


def test_no_mask_is_used_twice() -> None:
    """RFC 6455, section 5.3: nobody can tell the next one."""
    assert len({close_frame(1000) for _ in range(20)}) == 20


async def test_a_socket_takes_it_at_once() -> None:
    """No checkpoint: it is there when the call returns."""
    one, other = await socket_pair()
    async with one, other:
        assert write_nowait(one, b"12345678") == 8
        assert os.read(other.socket.fileno(), 99) == b"12345678"


async def test_whoever_would_have_to_wait_takes_nothing() -> None:
    """A socket that is full, or closed on our side or theirs; and any stream that is no bare socket."""
    one, other = await socket_pair()
    while write_nowait(one, b"x" * 65536):
        pass
    await other.aclose()
    assert write_nowait(one, b"12345678") == 0
    await one.aclose()
    assert write_nowait(one, b"12345678") == 0
    assert write_nowait(memory_stream_pair()[0], b"12345678") == 0


async def test_where_a_socket_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows its number is that of another thing: nothing is written."""
    one, other = await socket_pair()
    async with one, other:
        monkeypatch.setattr("sys.platform", "win32")
        assert write_nowait(one, b"12345678") == 0
