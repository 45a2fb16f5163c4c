"""Reading the head of an HTTP response."""

from __future__ import annotations

import pytest
import wsproto
import wsproto.events
import wsproto.utilities

from cometconn._transport.abc import UpgradeRefusedError, WebSocketBrokenError
from cometconn._transport.response_head import ResponseHead
from cometconn._transport.upgrade_request import accept_key

_ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
_FIELDS = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n" % _ACCEPT


def test_a_101_completes_the_head_and_what_follows_is_not_looked_at() -> None:
    """After a 101 the bytes are not HTTP any more, so they are not read as such."""
    head = ResponseHead(_ACCEPT)
    begin, rest = b"HTTP/1.1 101 Switching", b" Protocols\r\n" + _FIELDS + b"\r\n"
    assert head.look(begin) == len(begin)
    assert not head.complete
    assert head.look(rest + b"HTTP/1.1 500") == len(rest)
    assert head.complete


def test_an_endless_head_is_cut() -> None:
    """A server that never ends its headers is broken."""
    head = ResponseHead(_ACCEPT)
    with pytest.raises(WebSocketBrokenError, match="longer than"):
        for _ in range(100):
            head.look(b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 200)


def test_the_refusal_finds_its_header() -> None:
    """Retry-After is found in any case, among other headers."""
    with pytest.raises(UpgradeRefusedError) as caught:
        ResponseHead(_ACCEPT).look(b"HTTP/1.1 503 x\r\nA: b\r\nRETRY-AFTER: 4\r\nC: d\r\n\r\n")
    assert caught.value.retry_after == 4.0


def test_a_date_in_retry_after_is_measured_from_the_responses_own_date() -> None:
    """The two times are the server's; the clock of this machine is not used."""
    head = (
        b"HTTP/1.1 503 x\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:28:30 GMT\r\n\r\n"
    )
    with pytest.raises(UpgradeRefusedError) as caught:
        ResponseHead(_ACCEPT).look(head)
    assert caught.value.retry_after == 30.0


HEADS = {
    "the usual one": (_FIELDS, True),
    "other capitals": (_FIELDS.replace(b"U", b"u").replace(b"websocket", b"WebSocket").replace(b"-A", b"-a"), True),
    "more fields": (b"Date: x\r\nX-A:\r\nX-B: caf\xe9\t!\r\n" + _FIELDS, True),
    "several tokens": (_FIELDS.replace(b": Upgrade", b": keep-alive ,  Upgrade"), True),
    "a folded line": (_FIELDS.replace(b": Upgrade", b": keep-alive,\r\n  Upgrade"), True),
    "a list in two fields": (b"Connection: keep-alive\r\n" + _FIELDS, True),
    "white space around values": (_FIELDS.replace(b": ", b":\t ").replace(b"\r\n", b" \r\n"), True),
    "no fields": (b"", False),
    "no Upgrade": (_FIELDS.replace(b"Upgrade: w", b"X: w"), False),
    "another protocol": (_FIELDS.replace(b"websocket", b"h2c"), False),
    "no Connection": (_FIELDS.replace(b"Connection", b"X"), False),
    "another token": (_FIELDS.replace(b": Upgrade", b": close"), False),
    "no key": (_FIELDS.replace(b"Sec-WebSocket-Accept", b"X"), False),
    "another key": (_FIELDS.replace(b"s3pP", b"S3pP"), False),
    "an extension": (_FIELDS + b"Sec-WebSocket-Extensions: permessage-deflate\r\n", False),
    "a subprotocol": (_FIELDS + b"Sec-WebSocket-Protocol: chat\r\n", False),
    "a space in a name": (_FIELDS + b"X Y: z\r\n", False),
    "a space behind a name": (_FIELDS + b"X : z\r\n", False),
    "no colon": (_FIELDS + b"X\r\n", False),
    "no name": (_FIELDS + b": x\r\n", False),
    "a NUL in a value": (_FIELDS + b"X: \0\r\n", False),
}


@pytest.mark.parametrize(("fields", "is_accepted"), HEADS.values(), ids=HEADS)
def test_a_head_is_accepted_as_rfc_6455_requires_and_as_wsproto_does(fields: bytes, is_accepted: bool) -> None:
    """Each of the conditions of RFC 6455, section 4.1, is judged, and HTTP is read strictly: wsproto agrees on all of them."""
    status = b"HTTP/1.1 101 Switching Protocols\r\n"
    head = ResponseHead(_ACCEPT)
    if is_accepted:
        head.look(status + fields + b"\r\n")
    else:
        with pytest.raises(WebSocketBrokenError, match="breaks RFC 6455"):
            head.look(status + fields + b"\r\n")
    assert head.complete is is_accepted
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    request = client.send(wsproto.events.Request(host="chat.test", target="/"))
    key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
    try:
        client.receive_data(status + fields.replace(_ACCEPT, accept_key(key)) + b"\r\n")
    except wsproto.utilities.RemoteProtocolError:
        assert not is_accepted
    else:
        accepted = any(isinstance(event, wsproto.events.AcceptConnection) for event in client.events())
        assert accepted is is_accepted


def test_fields_with_one_name_are_a_list() -> None:
    """RFC 9110, section 5.2. So "upgrade" may be in any of them, and two keys are not the one that is required.

    wsproto looks only at the last one.
    """
    head = ResponseHead(_ACCEPT)
    head.look(b"HTTP/1.1 101 x\r\n" + _FIELDS + b"Connection: keep-alive\r\n\r\n")
    assert head.complete
    with pytest.raises(WebSocketBrokenError):
        ResponseHead(_ACCEPT).look(b"HTTP/1.1 101 x\r\n" + _FIELDS * 2 + b"\r\n")
