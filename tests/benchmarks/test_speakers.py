"""The greetings of the replay server, without a client library."""

from __future__ import annotations

import json
import socket
import threading

from benchmarks.bare import client_frame
from benchmarks.sockets import Peer
from benchmarks.speakers import EMPTY, SPEAKERS

_UPGRADE = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


def _greeted(speaker: str, said: bytes) -> bytes:
    """Return everything that *speaker* sends after it has received *said*."""
    near, far = socket.socketpair()

    def greet() -> None:
        with Peer(far) as peer:
            SPEAKERS[speaker].greet(peer)

    with near:
        thread = threading.Thread(target=greet)
        thread.start()
        near.sendall(said)
        near.settimeout(5)
        answer = b"".join(iter(lambda: near.recv(4096), b""))
        thread.join(5)
        return answer


def test_socketio_opens_the_engine_and_then_the_namespace() -> None:
    """Engine.IO's open packet first, Socket.IO's connect as the answer to the client's."""
    answer = _greeted("socketio", _UPGRADE + client_frame(b"40"))
    assert answer.index(b'0{"sid"') < answer.index(b'40{"sid"')
    assert SPEAKERS["socketio"].wrap(b"{}").endswith(b'42["message",{}]')


def test_centrifuge_answers_connect_and_subscribe_by_their_ids() -> None:
    """Commands may come in one frame, a line each."""
    commands = b'{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room"}}'
    answer = _greeted("centrifuge", _UPGRADE + client_frame(commands))
    assert b'{"id": 1, "connect"' in answer
    assert answer.endswith(b'{"id": 2, "subscribe": {}}')
    assert json.loads(SPEAKERS["centrifuge"].wrap(b'{"a":1}')[2:])["push"]["pub"]["data"] == {"a": 1}


def test_nats_answers_pings_until_a_subscription() -> None:
    """NATS is a line protocol and needs no WebSocket."""
    answer = _greeted("nats", b"CONNECT {}\r\nPING\r\nSUB room  1\r\n")
    assert answer.startswith(b"INFO {")
    assert answer.endswith(b"\r\nPONG\r\n")
    assert SPEAKERS["nats"].wrap(b"abc") == b"MSG room 1 3\r\nabc\r\n"


def test_fragments_are_cometchats_messages_in_other_frames() -> None:
    """As short ones, or with all of the text in the first and empty ones behind it."""
    text = b"0123456789abcdefXYZ"
    assert SPEAKERS["fragments"].wrap(text) == b"\x01\x10" + text[:16] + b"\x80\x03XYZ"
    assert SPEAKERS["empty_fragments"].wrap(text) == b"\x01\x13" + text + bytes(2) * (EMPTY - 1) + b"\x80\x00"
    for speaker in ("fragments", "empty_fragments"):
        assert SPEAKERS[speaker].greet is SPEAKERS["cometchat"].greet
