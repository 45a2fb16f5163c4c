"""How a WebSocket ended, from what trio-websocket has recorded."""

from __future__ import annotations

import ssl
from typing import Final

import trio

from cometconn._network.os_errors import os_error_text

from .abc import WebSocketBrokenError, WebSocketClosedError, WebSocketError

__all__ = ["broken", "ending", "stream_failed"]

_VERDICTS: Final = frozenset({1002, 1003, 1007, 1009})  # what it records, too, when it will not read on
_ABNORMAL: Final = 1006  # what it records when there was no close frame


def ending(code: int, reason: str | None, *, close_seen: bool) -> WebSocketError:
    """Return the error of an end with *code* and *reason*; whether the server sent a close frame these do not tell."""
    if code == _ABNORMAL:
        return WebSocketBrokenError("the connection ended without a WebSocket close frame")
    if code in _VERDICTS and not close_seen:
        return WebSocketBrokenError(f"the server broke the WebSocket protocol: {reason}")
    return WebSocketClosedError(code, reason)


def broken(what: str, error: BaseException) -> WebSocketBrokenError:
    """Return the error of a stream that failed with *error*."""
    made = WebSocketBrokenError(what)
    made.__cause__ = error
    return made


def stream_failed(error: Exception) -> WebSocketBrokenError:
    """Return the error of a byte stream that raised *error*, reading or writing."""
    if isinstance(error, trio.ClosedResourceError):
        return WebSocketBrokenError("the connection was closed on our side")  # *error* knows us: that would be a circle
    # TLS has words for it: 1.3 wants a client certificate only when the handshake is done.
    return broken(
        os_error_text(error) if isinstance(error.__cause__, ssl.SSLError) else "the connection was reset", error
    )
