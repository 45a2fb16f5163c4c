"""Reading the head of an HTTP answer, to know at once that an upgrade was refused."""

from __future__ import annotations

import re

from cometconn._network.http_date import read_date, retry_after_seconds

from .abc import UpgradeRefusedError, WebSocketBrokenError

__all__ = ["AnswerHead"]

_LIMIT = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]*)", re.IGNORECASE)
_DATE = re.compile(rb"\r\ndate:[ \t]*([^\r\n]*)", re.IGNORECASE)


class AnswerHead:
    """Looks over trio-websocket's shoulder while the upgrade is being answered.

    trio-websocket reads the whole body of a refusal before it says so, which a server can
    draw out for ever; the status line is all that is needed.
    """

    def __init__(self) -> None:
        self._seen = bytearray()
        self.complete = False
        self.date: float | None = None  # of the answer, in seconds since 1970

    def look(self, data: bytes | bytearray) -> int:
        """Take *data* into account; nothing at all means that the stream has ended.

        Returns:
            How many of these bytes belong to the head; those behind it are the WebSocket's.

        Raises:
            UpgradeRefusedError: the head is complete and is not a 101.
            WebSocketBrokenError: the stream ended first, or the head is no HTTP.
        """
        if self.complete:
            return 0
        before = len(self._seen)
        self._seen += data
        head, end, _ = self._seen.partition(b"\r\n\r\n")
        status = _STATUS_LINE.match(head + b"\r")
        if end and status is None:
            message = "the server's answer to the WebSocket upgrade is not HTTP/1.1"
            raise WebSocketBrokenError(message)
        if end and status is not None and status[1] != b"101":
            asked = retry_after_seconds(_header(_RETRY_AFTER, head), _header(_DATE, head))
            raise UpgradeRefusedError(int(status[1]), asked or 0.0)
        if not data and not end:
            message = "the server closed the connection before it had answered the WebSocket upgrade"
            raise WebSocketBrokenError(message)
        if not end and len(self._seen) > _LIMIT:
            message = f"the server's answer to the WebSocket upgrade is longer than {_LIMIT} bytes"
            raise WebSocketBrokenError(message)
        self.complete = bool(end)
        if end:
            self.date = read_date(_header(_DATE, head))
            self._seen.clear()  # a connection lives long
        return len(head) + len(end) - before if end else len(data)


def _header(pattern: re.Pattern[bytes], head: bytes | bytearray) -> str:
    found = pattern.search(head)
    return found[1].decode("ascii", "replace") if found else ""
