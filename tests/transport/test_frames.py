"""Frames that are written, as a server reads them, and headers that are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, TextMessage

from cometconn._transport.frames import (
    BINARY,
    TEXT,
    ForbiddenFrameError,
    FrameHeader,
    client_frame,
    close_frame,
    is_close_frame,
    pings_end,
    read_fragments,
    read_header,
    read_texts,
    server_header,
)

from .raw_server import close, frame, text

SIZES = [0, 1, 3, 4, 5, 125, 126, 127, 255, 256, 65_535, 65_536, 100_001]


def read(data: bytes) -> list[Event]:
    """Return the events that wsproto reads; it refuses a client's frame that is not masked."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(data)
    return list(server.events())


@pytest.mark.parametrize("size", SIZES)
def test_a_server_reads_a_text_frame_of_any_size(size: int) -> None:
    """A server reads all three forms of the length, and payloads whose size is not a multiple of the mask's."""
    payload = ("0123456789" * (size // 10 + 1))[:size]
    assert read(client_frame(TEXT, payload.encode())) == [TextMessage(data=payload)]


@given(st.lists(st.text(max_size=200), max_size=5))
def test_one_frame_ends_where_the_next_begins(texts: list[str]) -> None:
    """A server reads all frames that were written, and nothing else."""
    events = read(b"".join(client_frame(TEXT, text.encode()) for text in texts))
    assert events == [TextMessage(data=text) for text in texts]


def test_a_server_reads_a_close_frame() -> None:
    """A server finds the code in our close frame, and no reason."""
    assert read(close_frame(1000)) == [CloseConnection(code=1000, reason="")]


def test_a_close_frame_is_recognised() -> None:
    """A close frame is recognised by its opcode, from a client or a server."""
    assert is_close_frame(close_frame(1000))
    assert is_close_frame(close(1000))
    assert not is_close_frame(client_frame(TEXT, b"\x88"))
    assert not is_close_frame(memoryview(frame(10)))


def test_no_mask_is_used_twice() -> None:
    """RFC 6455, section 5.3: the mask of the next frame cannot be predicted."""
    assert len({client_frame(TEXT, b"the same") for _ in range(20)}) == 20


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_a_header_that_was_written_is_read(size: int, fin: bool) -> None:
    """A header is read at any offset, as soon as its last byte is there."""
    header = server_header(BINARY, size, fin=fin)
    assert header == frame(2, b"x" * size, fin=fin)[: len(header)]
    for end in range(len(header)):
        assert read_header(bytearray(b"ab" + header[:end]), 2, in_fragments=False) is None
    read = read_header(bytearray(b"ab" + header), 2, in_fragments=False)
    assert read == FrameHeader(BINARY, fin, len(header), size)
    assert not read.is_control


@pytest.mark.parametrize(
    ("header", "in_fragments"),
    [
        (b"\xc1\x01", False),  # RSV1
        (b"\xa1\x01", False),  # RSV2
        (b"\x91\x01", False),  # RSV3
        (b"\x81\x81", False),  # masked
        (b"\x83\x01", False),  # a reserved opcode
        (b"\x8b\x01", False),  # a reserved opcode of a control frame
        (b"\x09\x00", True),  # a control frame in fragments
        (b"\x89\x7e", False),  # a control frame that is too long
        (b"\x80\x01", False),  # it continues nothing
        (b"\x81\x01", True),  # a message within a message
        (b"\x81\x7e\x00\x7d", False),  # not the shortest length
        (b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", False),  # not the shortest length
        (b"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", False),  # a length whose first bit is set
    ],
)
def test_what_rfc_6455_forbids_is_refused(header: bytes, in_fragments: bool) -> None:
    """A forbidden header is refused as soon as its last byte is there; where the same bytes are allowed, they are read."""
    with pytest.raises(ForbiddenFrameError):
        read_header(bytearray(header), 0, in_fragments=in_fragments)
    if header[0] in {0x80, 0x81} and header[1] == 1:
        assert read_header(bytearray(header), 0, in_fragments=not in_fragments) is not None


def test_a_control_frame_is_possible_between_fragments() -> None:
    """A ping, a pong and a close frame are allowed between fragments."""
    for opcode in (8, 9, 10):
        header = read_header(bytearray(frame(opcode, b"x" * 125)), 0, in_fragments=True)
        assert header == FrameHeader(opcode, fin=True, size=2, payload=125)
        assert header.is_control


def test_texts_are_read_up_to_anything_else() -> None:
    """At most *most* whole text frames within the limit are read; the offset at which they end is returned."""
    wire = bytearray(b"ab" + text("one") + text("x" * 126) + frame(9) + text("behind") + b"\x81\x00\x81")
    end = 2 + len(text("one")) + len(text("x" * 126))
    assert read_texts(wire, 2, 64, 1000) == (["one", "x" * 126], end)
    assert read_texts(wire, 2, 1, 1000) == (["one"], 2 + len(text("one")))
    assert read_texts(wire, 2, 64, 125) == (["one"], 2 + len(text("one")))
    assert read_texts(wire, end, 64, 1000) == ([], end)
    assert read_texts(wire[: end - 1], 2, 64, 1000) == (["one"], 2 + len(text("one")))


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        frame(0, b"x" * 126, fin=False),
        frame(0, b"cut", fin=False)[:-1],
        frame(9, b"ping"),
        text("x"),
        b"\x00",
        b"\x40\x00",
        b"\x00\x81maskx",
        b"\xff\xff",
    ],
)
def test_short_fragments_are_read_up_to_anything_else(behind: bytes) -> None:
    """At most *most* whole continuations of at most 125 bytes are read, up to the last one of the message."""
    parts = [b"a", b"", b"b" * 125]
    wire = b"begun" + b"".join(frame(0, part, fin=False) for part in parts)
    last = frame(0, b"end")
    assert read_fragments(bytearray(wire + behind), 5, 64) == (b"".join(parts), len(wire), 3, False)
    assert read_fragments(bytearray(wire + last + behind), 5, 64) == (
        b"".join(parts) + b"end",
        len(wire + last),
        4,
        True,
    )
    assert read_fragments(bytearray(wire + behind), 5, 2) == (b"a", 5 + 3 + 2, 2, False)


def test_pings_and_pongs_are_read_up_to_anything_else() -> None:
    """At most *most* whole pings and pongs are read."""
    pings = frame(9, b"1") + frame(10, b"22") + frame(9)
    for behind in (b"", text("x"), close(1000), b"\xff\xff", frame(9, b"cut")[:-1], b"\x89"):
        assert pings_end(bytearray(b"a" + pings + behind), 1, 64) == 1 + len(pings)
    assert pings_end(bytearray(pings), 0, 2) == len(pings) - 2
