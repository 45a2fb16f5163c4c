"""The head of an HTTP/1 response (RFC 9112): what reading it from a server and from a proxy have in common."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["HEAD_END", "HEAD_LIMIT", "read_status"]

HEAD_END: Final = b"\r\n\r\n"
HEAD_LIMIT: Final = 64 * 1024
"""Bytes that a head may have."""
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?:[ \r]|\Z)")


def read_status(head: bytes | bytearray) -> int | None:
    """Return the status of a head that is complete, with or without the empty line at its end; `None` if it is not HTTP/1."""
    found = _STATUS_LINE.match(head)
    return int(found[1]) if found else None
