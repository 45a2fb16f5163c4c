"""The status of an HTTP response."""

from __future__ import annotations

import pytest

from cometconn._transport.http_head import read_status


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nDate: x\r\n\r\n", 101),
        (b"HTTP/1.0 407 Proxy Authentication Required", 407),
        (b"HTTP/1.1 200", 200),
        (b"HTTP/1.1 200\r\nVia: x\r\n\r\n", 200),
        (b"HTTP/1.1 2000 OK\r\n\r\n", None),
        (b"HTTP/1.1 99 x\r\n\r\n", None),
        (b"HTTP/1.1 600 x\r\n\r\n", None),
        (b"HTTP/2 200 OK\r\n\r\n", None),
        (b"SSH-2.0-OpenSSH\r\n\r\n", None),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", None),
        (b"", None),
    ],
)
def test_the_status_is_read_from_a_status_line_alone(head: bytes, status: int | None) -> None:
    """A status has three digits after HTTP/1.0 or 1.1, with or without a reason phrase; anything else is not HTTP/1."""
    assert read_status(head) == status
    assert read_status(bytearray(head)) == status
