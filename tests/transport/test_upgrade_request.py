"""The request of the opening handshake."""

from __future__ import annotations

import pytest
import wsproto
import wsproto.events

from cometconn._transport.upgrade_request import accept_key, new_key, upgrade_request


def test_the_key_of_rfc_6455() -> None:
    """Section 1.3 has an example of a key, and of the value with which a server accepts it."""
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_server_reads_the_request() -> None:
    """The server of wsproto reads host, target and headers, and accepts a key that is another one each time."""
    key = new_key()
    assert key != new_key()
    server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    server.receive_data(upgrade_request("chat.test:81", "/v3?a=b", {"x-extra": "yes, it is"}, key))
    (request,) = server.events()
    assert isinstance(request, wsproto.events.Request)
    assert (request.host, request.target) == ("chat.test:81", "/v3?a=b")
    assert (b"x-extra", b"yes, it is") in request.extra_headers
    assert b"Sec-WebSocket-Accept: " + accept_key(key) in server.send(wsproto.events.AcceptConnection())


@pytest.mark.parametrize(
    ("host", "target", "headers"),
    [
        ("chat.test\r\nX: y", "/", {}),
        ("ch\u00e4t.test", "/", {}),
        ("chat.test", "/ HTTP/1.1", {}),
        ("chat.test", "/\n", {}),
        ("chat.test", "/", {"X": "y\r\nZ: z"}),
        ("chat.test", "/", {"X\0": "y"}),
    ],
)
def test_nothing_can_end_a_line(host: str, target: str, headers: dict[str, str]) -> None:
    """A character that could begin another header is an error, whatever has checked the URL before."""
    with pytest.raises(ValueError, match="HTTP does not allow"):
        upgrade_request(host, target, headers, new_key())
