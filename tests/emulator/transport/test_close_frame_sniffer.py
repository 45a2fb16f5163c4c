"""`cometconn.emulator.transport.close_frame_sniffer`."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from cometconn.emulator.transport.close_frame_sniffer import CloseFrameSniffer

_FRAMES = st.lists(
    st.builds(TextMessage, st.text(max_size=200))
    | st.builds(BytesMessage, st.binary(max_size=200))
    | st.builds(BytesMessage, st.sampled_from([bytes(126), bytes(70_000), b"\x88\x02\x03\xe8" * 40]))
    | st.builds(Ping, st.binary(max_size=125)),
    max_size=4,
)


@given(
    frames=_FRAMES,
    code=st.sampled_from([None, 1000, 1011, 4401]),
    side=st.sampled_from(list(ConnectionType)),
    head=st.booleans(),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_the_close_frame_is_found(
    frames: list[TextMessage | BytesMessage | Ping],
    code: int | None,
    side: ConnectionType,
    head: bool,
    cuts: list[int],
) -> None:
    """The close frame is found once, behind any frames, masked or not, however the bytes are cut."""
    peer = Connection(side)
    data = b"HTTP/1.1 101 Yes\r\nx: y\r\n\r\n" if head else b""
    data += b"".join(peer.send(frame) for frame in frames)
    sniffer, edges = CloseFrameSniffer(head=head), [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    for begin, end in itertools.pairwise(edges):
        assert sniffer.feed(data[begin:end]) == ()
    close_frame = peer.send(CloseConnection(code=code)) if code else b"\x88\x00"  # noqa: E501, RUF100
    found = [code_found for byte in close_frame for code_found in sniffer.feed(bytes([byte]))]

    assert found == [code]


def test_nothing_counts_after_the_close_frame() -> None:
    """Bytes after a close frame are ignored."""
    sniffer = CloseFrameSniffer()

    assert sniffer.feed(b"\x88\x02\x03\xe8\x88\x02\x03\xe9") == (1000,)
    assert sniffer.feed(b"\x88\x02\x03\xe9") == ()
