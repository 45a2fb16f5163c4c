"""The greeting and the message format of each protocol: just enough for its own client.

Sources: the golden frames for CometChat; the sources of the clients for Engine.IO 4 and Socket.IO 5, Centrifugo's JSON
protocol and NATS' text protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import attrs

from .frames import AUTH_REPLY, frame, in_empty_fragments, in_fragments
from .sockets import Peer

__all__ = ["EMPTY", "FRAGMENT", "SPEAKERS", "Speaker"]

FRAGMENT = 16  # bytes
EMPTY = 5_000  # fragments

_ENGINE_OPEN = b'0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


@attrs.frozen
class Speaker:
    """One protocol.

    Attributes:
        greet: exchanges frames until the client waits for messages; returns the client's device, if it sends one.
        wrap: encodes one message.
        frames: whether the client uses WebSocket.
    """

    greet: Callable[[Peer], str]
    wrap: Callable[[bytes], bytes]
    frames: bool = True


def _greet_cometchat(peer: Peer) -> str:
    peer.upgrade()
    auth = json.loads(peer.frame()[1])
    peer.send(frame(AUTH_REPLY))
    return str(auth["deviceId"])


def _greet_socketio(peer: Peer) -> str:
    peer.upgrade()
    peer.send(frame(_ENGINE_OPEN))
    peer.frame()
    peer.send(frame(b'40{"sid":"s1"}'))
    return ""


def _greet_centrifuge(peer: Peer) -> str:
    peer.upgrade()
    while True:
        for line in peer.frame()[1].splitlines():
            command = json.loads(line)
            if "connect" in command:
                reply = {"id": command["id"], "connect": {"client": "c1", "version": "bench"}}
                peer.send(frame(json.dumps(reply).encode()))
            elif "subscribe" in command:
                peer.send(frame(json.dumps({"id": command["id"], "subscribe": {}}).encode()))
                return ""


def _greet_nats(peer: Peer) -> str:
    peer.send(b'INFO {"server_id":"bench","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576}\r\n')
    verb = b""
    while verb != b"SUB":
        verb = peer.line().split(b" ")[0].upper()
        if verb == b"PING":
            peer.send(b"PONG\r\n")
    return ""


SPEAKERS = {
    "cometchat": Speaker(_greet_cometchat, frame),
    "fragments": Speaker(_greet_cometchat, lambda text: in_fragments(text, FRAGMENT)),
    "empty_fragments": Speaker(_greet_cometchat, lambda text: in_empty_fragments(text, EMPTY)),
    "socketio": Speaker(_greet_socketio, lambda text: frame(b'42["message",' + text + b"]")),
    "centrifuge": Speaker(
        _greet_centrifuge, lambda text: frame(b'{"push":{"channel":"room","pub":{"data":' + text + b"}}}")
    ),
    "nats": Speaker(_greet_nats, lambda text: b"MSG room 1 %d\r\n%b\r\n" % (len(text), text), frames=False),
}
