"""The server's end of a connection."""

from __future__ import annotations

import socket

import pytest
import wsproto
from wsproto.connection import ConnectionType
from wsproto.events import TextMessage

from benchmarks.bare import client_frame
from benchmarks.sockets import Peer, accept_key, unmasked


def _masked(text: str) -> bytes:
    return wsproto.Connection(ConnectionType.CLIENT).send(TextMessage(data=text))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_clients_frame_is_taken_off_whole(size: int) -> None:
    """Of any length, once its last byte is there, and what is behind it stays."""
    data = _masked("x" * size)
    for end in {0, 1, 2, 3, 5, 6, 9, len(data) - 1} - {len(data)}:
        if 0 <= end < len(data):
            assert unmasked(bytearray(data[:end])) is None
    buffer = bytearray(data + b"more")
    assert unmasked(buffer) == (1, b"x" * size)
    assert buffer == b"more"


@pytest.mark.parametrize("size", [3, 300])
def test_our_own_client_frames_are_read(size: int) -> None:
    """Those of the bare connections, masked with zeros."""
    assert unmasked(bytearray(client_frame(b"y" * size, 9))) == (9, b"y" * size)


def test_the_answer_to_the_upgrade_is_rfc_6455s_example() -> None:
    """Section 1.3."""
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_request_is_read_with_its_body() -> None:
    """The next one begins behind it, and the name of a header field may have capital letters."""
    near, far = socket.socketpair()
    with near, Peer(far) as peer:
        near.sendall(b"PUT /me HTTP/1.1\r\nhost: a\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n")
        assert (peer.request(), peer.request()) == (b"PUT /me HTTP/1.1", b"GET / HTTP/1.1")


def test_a_peer_reads_what_comes_in_pieces() -> None:
    """Head, lines and frames, and the end."""
    near, far = socket.socketpair()
    with near, Peer(far) as peer:
        near.sendall(
            b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nPING\r\n" + _masked("hello")
        )
        peer.upgrade()
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in near.recv(4096)
        assert peer.line() == b"PING"
        assert peer.frame() == (1, b"hello")
        near.shutdown(socket.SHUT_WR)
        peer.drain()
        with pytest.raises(EOFError):
            peer.frame()
