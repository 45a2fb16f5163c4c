"""One direction of a WebSocket is decoded, however its bytes are cut."""

from __future__ import annotations

import pytest
import wsproto
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, RejectConnection, Request, TextMessage

from cometconn.testing import wire_reader
from cometconn.testing.wire_reader import Close, Head, Undecodable, WireReader


def spoken() -> tuple[bytes, bytes]:
    """Return the bytes of both directions, with every kind of frame: short, long and fragmented."""
    client, server = (
        wsproto.WSConnection(wsproto.ConnectionType.CLIENT),
        wsproto.WSConnection(wsproto.ConnectionType.SERVER),
    )
    up = client.send(Request(host="x", target="/"))
    server.receive_data(up)
    list(server.events())
    down = server.send(AcceptConnection())
    client.receive_data(down)
    list(client.events())
    for text in ("", "hello", "ü" * 200, "x" * 70_000):
        up += client.send(TextMessage(text))
        down += server.send(TextMessage(text))
    up += client.send(Ping(b"?")) + client.send(BytesMessage(b"\x00\xff"))
    down += server.send(TextMessage("one ", message_finished=False)) + server.send(Ping())
    down += server.send(TextMessage("two")) + server.send(CloseConnection(1012, "restart"))
    return up, down + b"\x88\x00"


UP, DOWN = spoken()
TEXTS = ["", "hello", "ü" * 200, "x" * 70_000]


@settings(max_examples=20, deadline=None, database=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=80))
def test_the_result_does_not_depend_on_where_the_bytes_are_cut(sizes: list[int]) -> None:
    """Heads, texts, binary messages, fragments and close frames are decoded; pings of the WebSocket are skipped."""
    for data, expected in (
        (UP, [Head(None), *TEXTS, b"\x00\xff"]),
        (DOWN, [Head(101), *TEXTS, "one two", Close(1012, "restart"), Close(None, "")]),
    ):
        reader, said, position = WireReader(), [], 0
        for size in sizes:
            said += reader.read(data[position : position + size])
            position += size
        assert said + reader.read(data[position:]) == expected


def test_a_refusal_is_read_with_its_delay() -> None:
    """The head has the status and `Retry-After`."""
    server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    server.receive_data(client.send(Request(host="x", target="/")))
    list(server.events())
    answer = server.send(RejectConnection(status_code=503, headers=[(b"retry-after", b"7")]))
    assert WireReader().read(answer)[0] == Head(503, "7")


@pytest.mark.parametrize("data", [b"\x82\x7f" + b"\x00" * 4 + b"\x40" + b"\x00" * 3, b"\x01\x7d" + b"x" * 125])
def test_decoding_stops_at_a_message_that_is_too_long(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message beyond the limit, or its fragments together, use no more memory, and are reported once."""
    monkeypatch.setattr(wire_reader, "_LIMIT", 1000)
    reader = WireReader()
    said = reader.read(b"HTTP/1.1 101 ok\r\n\r\n")
    for _ in range(150):
        said += reader.read(data)
    assert said == [Head(101), Undecodable()]
    assert reader._held + len(reader._message) <= 1200
