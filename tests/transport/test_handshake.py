"""Reading the head of an HTTP answer."""

from __future__ import annotations

import datetime
import email.utils

import pytest

from cometconn._transport.abc import UpgradeRefusedError, WebSocketBrokenError
from cometconn._transport.handshake import AnswerHead, retry_after_seconds


def test_a_101_completes_the_head_and_what_follows_is_not_looked_at() -> None:
    """Bytes behind the head are not HTTP any more."""
    head = AnswerHead()
    head.look(b"HTTP/1.1 101 Switching")
    assert not head.complete
    head.look(b" Protocols\r\n\r\nHTTP/1.1 500")
    assert head.complete
    head.look(b"")


def test_an_endless_head_is_cut() -> None:
    """A server that never ends its headers is broken."""
    head = AnswerHead()
    with pytest.raises(WebSocketBrokenError, match="longer than"):
        for _ in range(100):
            head.look(b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 200)


@pytest.mark.parametrize(
    ("value", "seconds"), [(b"17", 17.0), (b" 0 ", 0.0), (b"soon", 0.0), (b"-3", 0.0), (b"\xff", 0.0)]
)
def test_retry_after_in_seconds(value: bytes, seconds: float) -> None:
    """A number of seconds is taken; what cannot be read asks for nothing."""
    assert retry_after_seconds(value) == seconds


def test_retry_after_as_a_date() -> None:
    """An HTTP date is turned into seconds from now, and one in the past into none."""
    now = datetime.datetime.now(datetime.UTC)
    soon = email.utils.format_datetime(now + datetime.timedelta(seconds=60), usegmt=True)
    assert 50 < retry_after_seconds(soon.encode()) < 70
    assert retry_after_seconds(b"Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after_seconds(b"Wed, 21 Oct 2015 07:28:00 -0000") == 0.0


def test_the_refusal_finds_its_header() -> None:
    """Retry-After is found in any case, among other headers."""
    with pytest.raises(UpgradeRefusedError) as caught:
        AnswerHead().look(b"HTTP/1.1 503 x\r\nA: b\r\nRETRY-AFTER: 4\r\nC: d\r\n\r\n")
    assert caught.value.retry_after == 4.0
