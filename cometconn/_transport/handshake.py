"""Reading the head of an HTTP answer, to know at once that an upgrade was refused."""

from __future__ import annotations

import datetime
import email.utils
import re

from .abc import UpgradeRefusedError, WebSocketBrokenError

__all__ = ["AnswerHead", "retry_after_seconds"]

_LIMIT = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([^\r\n]*)", re.IGNORECASE)


class AnswerHead:
    """Looks over trio-websocket's shoulder while the upgrade is being answered.

    trio-websocket reads the whole body of a refusal before it says so, which a server can
    draw out for ever; the status line is all that is needed.
    """

    def __init__(self) -> None:
        self._seen = bytearray()
        self.complete = False

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
            asked = _RETRY_AFTER.search(head)
            raise UpgradeRefusedError(int(status[1]), retry_after_seconds(asked[1]) if asked else 0.0)
        if not data and not end:
            message = "the server closed the connection before it had answered the WebSocket upgrade"
            raise WebSocketBrokenError(message)
        if not end and len(self._seen) > _LIMIT:
            message = f"the server's answer to the WebSocket upgrade is longer than {_LIMIT} bytes"
            raise WebSocketBrokenError(message)
        self.complete = bool(end)
        return len(head) + len(end) - before if end else len(data)


def retry_after_seconds(value: bytes) -> float:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3); 0 when it cannot be read."""
    text = value.decode("ascii", "replace").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for numbers beyond any calendar
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())
