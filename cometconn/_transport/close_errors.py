"""Maps the end of a WebSocket, as trio-websocket has recorded it, and errors of its byte stream to `WebSocketError`."""

from __future__ import annotations

import ssl
from typing import Final

import trio

from cometconn._network.os_errors import os_error_text

from .abc import WebSocketBrokenError, WebSocketClosedError, WebSocketError

__all__ = ["broken_error", "close_error", "stream_error"]

_VERDICTS: Final = frozenset({1002, 1003, 1007, 1009})  # what trio-websocket also records when it refuses to read on
_ABNORMAL: Final = 1006  # what it records when there was no close frame


def close_error(code: int, reason: str | None, *, close_seen: bool) -> WebSocketError:
    """Return the error of a WebSocket that ended with *code* and *reason*.

    Args:
        code: what trio-websocket has recorded.
        reason: the same.
        close_seen: the server has sent a close frame. Code and reason do not tell whether they are the server's.
    """
    if code == _ABNORMAL:
        return WebSocketBrokenError("the connection ended without a WebSocket close frame")
    if code in _VERDICTS and not close_seen:
        return WebSocketBrokenError(f"the server broke the WebSocket protocol: {reason}")
    return WebSocketClosedError(code, reason)


def broken_error(message: str, error: BaseException) -> WebSocketBrokenError:
    """Return the error of a stream that failed with *error*, which becomes its cause."""
    made = WebSocketBrokenError(message)
    made.__cause__ = error
    return made


def stream_error(error: Exception) -> WebSocketBrokenError:
    """Return the error of a byte stream that raised *error*, reading or writing."""
    if isinstance(error, trio.ClosedResourceError):
        # Without the cause: its traceback refers to our frames, and they to the error made here.
        return WebSocketBrokenError("the connection was closed on our side")
    # An alert of TLS has a message of its own: with TLS 1.3 a missing client certificate is reported after the handshake.
    message = os_error_text(error) if isinstance(error.__cause__, ssl.SSLError) else "the connection was reset"
    return broken_error(message, error)
