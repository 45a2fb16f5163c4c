"""The replay server and the contenders that receive from it."""

from __future__ import annotations

import importlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.contenders import leaving, limit, on_trio_websocket, ours
from benchmarks.frames import DEVICE, message
from benchmarks.replay import Flow, Link, serve
from benchmarks.speakers import SPEAKERS

Start = Callable[[str, int], int]


@pytest.fixture
def seen() -> list[Link]:
    """What the server has seen."""
    return []


@pytest.fixture
def start(seen: list[Link]) -> Iterator[Start]:
    """Start servers in this process."""
    listeners: list[socket.socket] = []

    def start_one(speaker: str, messages: int) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        flow = Flow([SPEAKERS[speaker].wrap(message(number)) for number in range(messages)])
        threading.Thread(target=serve, args=(listener, speaker, flow, seen), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start_one
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    "receive",
    [ours.receive, ours.batches, on_trio_websocket.receive, limit.receive],
    ids=["ours", "batches", "trio-websocket", "limit"],
)
def test_a_subscriber_that_stays_receives_every_message(start: Start, receive: Callable[..., dict[str, float]]) -> None:
    """The server sends exactly the given number, so that with a lost message the run would never end."""
    reading = receive(start("cometchat", 400), warm=100, count=300)
    assert 0 < reading["seconds"] < 1
    assert 0 < reading["cpu"] < 1


@pytest.mark.parametrize(
    ("needs", "speaker", "target"),
    [
        ("websockets.trio.client", "cometchat", "on_websockets_trio:receive"),
        ("websockets.asyncio.client", "cometchat", "on_websockets_asyncio:receive"),
        ("picows", "cometchat", "on_picows:receive_dicts"),
        ("picows,orjson", "cometchat", "on_picows:receive_typed"),
        ("socketio,aiohttp", "socketio", "on_socketio:receive"),
        ("centrifuge", "centrifuge", "on_centrifuge:receive"),
        ("nats", "nats", "on_nats:receive_bytes"),
        ("nats", "nats", "on_nats:iterate"),
        ("nats", "nats", "on_nats:receive_dicts"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # what others leave open is not ours to mend
def test_a_peer_that_is_installed_receives_every_message(start: Start, needs: str, speaker: str, target: str) -> None:
    """Each from a server that speaks just enough of its protocol."""
    for name in needs.split(","):
        pytest.importorskip(name)
    module, function = target.split(":")
    receive = getattr(importlib.import_module(f"benchmarks.contenders.{module}"), function)
    assert 0 < receive(start(speaker, 60), warm=20, count=40)["seconds"] < 1


def test_every_subscriber_gets_every_message(start: Start) -> None:
    """The time runs from the first event of any subscriber to the last event of all."""
    reading = ours.subscribers(start("cometchat", 50), count=50, streams=3)
    assert 0 < reading["seconds"] < 1
    assert reading["bytes"] >= 0


def test_both_ways_of_leaving_are_seen(start: Start, seen: list[Link]) -> None:
    """A close frame each, on a connection of its own."""
    called = leaving.leave(start("cometchat", 0), times=2)
    assert len(called["ours"]) == len(called["bare"]) == 2
    mine = [link.closed_at for link in seen if link.device != DEVICE]
    by_hand = [link.closed_at for link in seen if link.device == DEVICE]
    assert len(mine) == 3  # the last is ended by leaving
    for call, closed in zip(called["ours"] + called["bare"], mine[:2] + by_hand, strict=True):
        assert closed is not None
        assert closed >= call


def test_a_burst_goes_out_hundreds_at_a_time() -> None:
    """And a paced flow one at a time, at its pace; both end with the number of messages that was set."""
    encoded = [b"%03d" % number for number in range(600)]

    class Sink:
        def __init__(self) -> None:
            self.sent: list[bytes] = []

        def send(self, piece: bytes) -> None:
            self.sent.append(piece)

    burst, flow = Sink(), Flow(encoded)
    flow.send(burst)  # type: ignore[arg-type]  # it only sends
    assert [len(piece) // 3 for piece in burst.sent] == [256, 256, 88]
    flow.count = 300
    flow.send(burst)  # type: ignore[arg-type]  # it only sends
    assert [len(piece) // 3 for piece in burst.sent[3:]] == [256, 44]
    sink, began = Sink(), time.monotonic()
    Flow(encoded[:20], pace=1_000.0).send(sink)  # type: ignore[arg-type]  # it only sends
    assert time.monotonic() - began >= 0.019
    assert sink.sent == encoded[:20]
