"""Reads the head of the HTTP response to the upgrade request, and judges it as RFC 6455, section 4.1, requires."""

from __future__ import annotations

import re
from typing import Final

from cometconn._network.http_date import read_date, retry_after_seconds

from .abc import UpgradeRefusedError, WebSocketBrokenError
from .http_head import HEAD_END, HEAD_LIMIT, read_status

__all__ = ["ResponseHead"]

_SWITCHING_PROTOCOLS: Final = 101
# RFC 9112, section 5: a name is a token, and a value has no control character but the tab.
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_FOLDED: Final = re.compile(rb"[ \t]*\r\n[ \t]+")
_BAD_RESPONSE: Final = "the server's answer to the WebSocket upgrade breaks RFC 6455"


class ResponseHead:
    """Reads the head of the response, and nothing behind it.

    A refusal is reported without its body, which a server can make arbitrarily long or slow.

    Args:
        accept: the `Sec-WebSocket-Accept` that the server must send.

    Attributes:
        complete: all of the head has come, and the WebSocket is open.
        date: its `Date`, in seconds since 1970; `None` without one, and until the head is complete.
    """

    def __init__(self, accept: bytes) -> None:
        self._accept = accept
        self._seen = bytearray()
        self.complete = False
        self.date: float | None = None

    def look(self, data: bytes | bytearray) -> int:
        """Take the next bytes of the stream; none mean that it has ended.

        Returns:
            How many of these bytes belong to the head; those behind it are the WebSocket's.

        Raises:
            UpgradeRefusedError: the head is complete, and its status is not 101.
            WebSocketBrokenError: the stream ended first, or the head is not HTTP, or longer than 64 KiB, or not that of a
                server that has opened this WebSocket.
        """
        before = len(self._seen)
        self._seen += data
        head, end, _ = self._seen.partition(HEAD_END)
        if not end:
            if not data:
                message = "the server closed the connection before it had answered the WebSocket upgrade"
                raise WebSocketBrokenError(message)
            if len(self._seen) > HEAD_LIMIT:
                message = f"the server's answer to the WebSocket upgrade is longer than {HEAD_LIMIT} bytes"
                raise WebSocketBrokenError(message)
            return len(data)
        status = read_status(head)
        if status is None:
            message = "the server's answer to the WebSocket upgrade is not HTTP/1.1"
            raise WebSocketBrokenError(message)
        fields = _fields(head)
        date = fields.get(b"date", b"").decode("ascii", "replace")
        if status != _SWITCHING_PROTOCOLS:
            delay = retry_after_seconds(fields.get(b"retry-after", b"").decode("ascii", "replace"), date)
            raise UpgradeRefusedError(status, delay or 0.0)
        if not self._is_accepted(fields):
            raise WebSocketBrokenError(_BAD_RESPONSE)
        self.complete = True
        self.date = read_date(date)
        self._seen.clear()  # it would stay in memory for as long as the connection
        return len(head) + len(end) - before

    def _is_accepted(self, fields: dict[bytes, bytes]) -> bool:
        """Whether *fields* are what RFC 6455, section 4.1, requires of a client that has offered no extension or subprotocol."""
        connection = [token.strip().lower() for token in fields.get(b"connection", b"").split(b",")]
        return (
            _MALFORMED not in fields
            and fields.get(b"upgrade", b"").lower() == b"websocket"
            and b"upgrade" in connection
            and fields.get(b"sec-websocket-accept") == self._accept
            and not fields.get(b"sec-websocket-extensions")
            and b"sec-websocket-protocol" not in fields
        )


_MALFORMED: Final = b""
"""The key of a line that is not a header field."""


def _fields(head: bytes | bytearray) -> dict[bytes, bytes]:
    """Return the values of the header fields by their names in lower case. Of several with one name, it is a list with commas."""
    fields: dict[bytes, bytes] = {}
    for line in _FOLDED.sub(b" ", head).split(b"\r\n")[1:]:
        found = _FIELD.fullmatch(line)
        name, value = (_MALFORMED, b"") if found is None else (found[1].lower(), found[2].rstrip())
        fields[name] = value if name not in fields else fields[name] + b", " + value
    return fields
