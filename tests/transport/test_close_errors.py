"""The error for each code that trio-websocket records, and for each failure of a byte stream."""

from __future__ import annotations

import ssl

import pytest
import trio

from cometconn._transport.abc import WebSocketBrokenError, WebSocketClosedError
from cometconn._transport.close_errors import broken_error, close_error, stream_error


@pytest.mark.parametrize("close_seen", [True, False])
@pytest.mark.parametrize("code", [1000, 1001, 1005, 1011, 4001])
def test_a_server_that_closes(code: int, close_seen: bool) -> None:
    """The error of a server's close frame has its code and reason."""
    error = close_error(code, "gone", close_seen=close_seen)
    assert isinstance(error, WebSocketClosedError)
    assert (error.code, error.reason) == (code, "gone")


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1009])
def test_a_code_is_the_servers_or_trio_websockets(code: int) -> None:
    """A code is the server's if a close frame came; otherwise trio-websocket has refused what the server sent."""
    assert isinstance(close_error(code, "too long", close_seen=True), WebSocketClosedError)
    error = close_error(code, "too long", close_seen=False)
    assert isinstance(error, WebSocketBrokenError)
    assert "too long" in str(error)


@pytest.mark.parametrize("close_seen", [True, False])
def test_an_end_without_a_close_frame(close_seen: bool) -> None:
    """1006 stands for an end without a close frame, and is never the server's code."""
    error = close_error(1006, None, close_seen=close_seen)
    assert isinstance(error, WebSocketBrokenError)
    assert "without a WebSocket close frame" in str(error)


def test_a_broken_stream_has_a_message_and_a_cause() -> None:
    """The error of a broken stream has a message for users, and the cause is chained."""
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
    """The error of a failed stream has a message for users and its cause, unless the stream was closed on our side."""
    error.__cause__ = cause
    made = stream_error(error)
    assert words in str(made)
    assert made.__cause__ is (error if cause else None)
