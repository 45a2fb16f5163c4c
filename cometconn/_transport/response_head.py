"""Reads the head of the HTTP response to the upgrade request, to report a refusal at once."""

from __future__ import annotations

import re

from cometconn._network.http_date import read_date, retry_after_seconds

from .abc import UpgradeRefusedError, WebSocketBrokenError
from .http_head import HEAD_END, HEAD_LIMIT, read_status

__all__ = ["ResponseHead"]

_SWITCHING_PROTOCOLS = 101
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]*)", re.IGNORECASE)
_DATE = re.compile(rb"\r\ndate:[ \t]*([^\r\n]*)", re.IGNORECASE)


class ResponseHead:
    """Reads the head of the response before trio-websocket gets it.

    trio-websocket reports a refusal only after it has read the whole body, which a server can make arbitrarily long
    or slow; only the head is needed.

    Attributes:
        complete: all of the head has come.
        date: its `Date`, in seconds since 1970; `None` without one, and until the head is complete.
    """

    def __init__(self) -> None:
        self._seen = bytearray()
        self.complete = False
        self.date: float | None = None

    def look(self, data: bytes | bytearray) -> int:
        """Take the next bytes of the stream; none mean that it has ended.

        Returns:
            How many of these bytes belong to the head; those behind it are the WebSocket's.

        Raises:
            UpgradeRefusedError: the head is complete, and its status is not 101.
            WebSocketBrokenError: the stream ended first, or the head is not HTTP, or longer than 64 KiB.
        """
        if self.complete:
            return 0
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
        if status != _SWITCHING_PROTOCOLS:
            delay = retry_after_seconds(_header(_RETRY_AFTER, head), _header(_DATE, head))
            raise UpgradeRefusedError(status, delay or 0.0)
        self.complete = True
        self.date = read_date(_header(_DATE, head))
        self._seen.clear()  # it would stay in memory for as long as the connection
        return len(head) + len(end) - before


def _header(pattern: re.Pattern[bytes], head: bytes | bytearray) -> str:
    found = pattern.search(head)
    return found[1].decode("ascii", "replace") if found else ""
