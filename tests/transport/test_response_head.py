"""Reading the head of an HTTP response."""

from __future__ import annotations

import pytest

from cometconn._transport.abc import UpgradeRefusedError, WebSocketBrokenError
from cometconn._transport.response_head import ResponseHead


def test_a_101_completes_the_head_and_what_follows_is_not_looked_at() -> None:
    """After a 101 the bytes are not HTTP any more, so they are not read as such."""
    head = ResponseHead()
    head.look(b"HTTP/1.1 101 Switching")
    assert not head.complete
    head.look(b" Protocols\r\n\r\nHTTP/1.1 500")
    assert head.complete
    head.look(b"")


def test_an_endless_head_is_cut() -> None:
    """A server that never ends its headers is broken."""
    head = ResponseHead()
    with pytest.raises(WebSocketBrokenError, match="longer than"):
        for _ in range(100):
            head.look(b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 200)


def test_the_refusal_finds_its_header() -> None:
    """Retry-After is found in any case, among other headers."""
    with pytest.raises(UpgradeRefusedError) as caught:
        ResponseHead().look(b"HTTP/1.1 503 x\r\nA: b\r\nRETRY-AFTER: 4\r\nC: d\r\n\r\n")
    assert caught.value.retry_after == 4.0


def test_a_date_in_retry_after_is_measured_from_the_responses_own_date() -> None:
    """The two times are the server's; the clock of this machine is not used."""
    head = (
        b"HTTP/1.1 503 x\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:28:30 GMT\r\n\r\n"
    )
    with pytest.raises(UpgradeRefusedError) as caught:
        ResponseHead().look(head)
    assert caught.value.retry_after == 30.0
