"""A client's frames, as a server reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, TextMessage

from cometconn._transport.client_frame import TEXT, client_frame, close_frame


def read(data: bytes) -> list[Event]:
    """What wsproto, which would refuse a frame of a client that is not masked, makes of *data*."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(data)
    return list(server.events())


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 127, 255, 256, 65_535, 65_536, 100_001])
def test_a_server_reads_a_text_frame_of_any_size(size: int) -> None:
    """All three forms of the length, and payloads that the mask does not fit into a whole number of times."""
    text = ("0123456789" * (size // 10 + 1))[:size]
    assert read(client_frame(TEXT, text.encode())) == [TextMessage(data=text)]


@given(st.lists(st.text(max_size=200), max_size=5))
def test_one_frame_ends_where_the_next_begins(texts: list[str]) -> None:
    """Whatever is said, all of it and nothing else is understood."""
    events = read(b"".join(client_frame(TEXT, text.encode()) for text in texts))
    assert events == [TextMessage(data=text) for text in texts]


def test_a_server_reads_a_close_frame() -> None:
    """It finds the code and no reason."""
    assert read(close_frame(1000)) == [CloseConnection(code=1000, reason="")]


def test_no_mask_is_used_twice() -> None:
    """RFC 6455, section 5.3: nobody can tell the next one."""
    assert len({client_frame(TEXT, b"the same") for _ in range(20)}) == 20
