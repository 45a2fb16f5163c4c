"""The request of the opening handshake (RFC 6455, section 4.1), and the key that its response must fit."""

from __future__ import annotations

import binascii
import hashlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["accept_key", "new_key", "upgrade_request"]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def new_key() -> bytes:
    """Return a random `Sec-WebSocket-Key`."""
    return binascii.b2a_base64(os.urandom(16), newline=False)


def accept_key(key: bytes) -> bytes:
    """Return the `Sec-WebSocket-Accept` of a server that has read *key*."""
    return binascii.b2a_base64(hashlib.sha1(key + _GUID, usedforsecurity=False).digest(), newline=False)


def upgrade_request(host: str, target: str, headers: Mapping[str, str], key: bytes) -> bytes:
    """Return the request, with *headers* behind those of the handshake.

    Raises:
        ValueError: an argument has a character that could end a line, or that HTTP does not allow.
    """
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        *map(": ".join, headers.items()),
    ]
    text = "".join(lines)
    if " " in target or not (text.isascii() and text.isprintable()):
        message = "the URL or a header of the WebSocket has a character that HTTP does not allow"
        raise ValueError(message)
    return "\r\n".join([*lines, "", ""]).encode()
