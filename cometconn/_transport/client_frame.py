"""A client's whole frame, encoded in one step (RFC 6455, section 5.2)."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["TEXT", "client_frame", "close_frame"]

TEXT: Final = 0x1
_CLOSE: Final = 0x8
_FIN: Final = 0x80
_MASKED: Final = 0x80
_LONGEST_SHORT: Final = 125
_TWO_BYTES: Final = 126
_LONGEST_OF_TWO: Final = 0xFFFF
_EIGHT_BYTES: Final = 127


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Return a frame with FIN set, and *payload* behind a mask that nobody can foretell (section 5.3)."""
    size = len(payload)
    if size <= _LONGEST_SHORT:
        length: tuple[int, ...] = (size,)
    elif size <= _LONGEST_OF_TWO:
        length = (_TWO_BYTES, *size.to_bytes(2, "big"))
    else:
        length = (_EIGHT_BYTES, *size.to_bytes(8, "big"))
    mask = os.urandom(4)
    masks = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(masks, "big")
    return bytes((_FIN | opcode, _MASKED | length[0], *length[1:])) + mask + masked.to_bytes(size, "big")


def close_frame(code: int) -> bytes:
    """Return a close frame with *code* and no reason (section 5.5.1)."""
    return client_frame(_CLOSE, code.to_bytes(2, "big"))
