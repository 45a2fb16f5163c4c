"""What is made of the code that trio-websocket has recorded."""

from __future__ import annotations

import ssl

import pytest
import trio

from cometconn._transport.abc import WebSocketBrokenError, WebSocketClosedError
from cometconn._transport.close_errors import broken_error, close_error, stream_error


@pytest.mark.parametrize("close_seen", [True, False])
@pytest.mark.parametrize("code", [1000, 1001, 1005, 1011, 4001])
def test_a_server_that_closes(code: int, close_seen: bool) -> None:
    """Code and reason are the server's."""
    error = close_error(code, "gone", close_seen=close_seen)
    assert isinstance(error, WebSocketClosedError)
    assert (error.code, error.reason) == (code, "gone")


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1009])
def test_who_has_judged_whom(code: int) -> None:
    """With a close frame it is the server's word about us; without one, trio-websocket's about the server."""
    assert isinstance(close_error(code, "too long", close_seen=True), WebSocketClosedError)
    error = close_error(code, "too long", close_seen=False)
    assert isinstance(error, WebSocketBrokenError)
    assert "too long" in str(error)


@pytest.mark.parametrize("close_seen", [True, False])
def test_an_end_without_a_close_frame(close_seen: bool) -> None:
    """1006 never comes from a server."""
    error = close_error(1006, None, close_seen=close_seen)
    assert isinstance(error, WebSocketBrokenError)
    assert "without a WebSocket close frame" in str(error)


def test_a_broken_stream_says_why() -> None:
    """The words are for people, the cause for whoever looks closer."""
    cause = ConnectionResetError("reset")
    error = broken_error("the connection was reset", cause)
    assert str(error) == "the connection was reset"
    assert error.__cause__ is cause


def wants_certificate() -> ssl.SSLError:
    """What OpenSSL raises behind a handshake of TLS 1.3."""
    error = ssl.SSLError(1, "an alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    return error


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (trio.ClosedResourceError(), None, "the connection was closed on our side"),
        (trio.BrokenResourceError(), OSError("EPIPE"), "the connection was reset"),
        (trio.BrokenResourceError(), wants_certificate(), "the server wants a client certificate"),
    ],
)
def test_a_stream_that_failed(error: Exception, cause: Exception | None, words: str) -> None:
    """The words are for people, and the cause is chained, unless it is our own doing."""
    error.__cause__ = cause
    made = stream_error(error)
    assert words in str(made)
    assert made.__cause__ is (error if cause else None)
