"""The body of an answer, taken in piece by piece within a bound."""

from __future__ import annotations

import zlib

__all__ = ["ACCEPTED", "ANSWER_LIMIT", "AnswerBody"]

ACCEPTED = "gzip"
"""The one way of packing that is asked for; several inside one another are none."""

ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer, unpacked."""
_PIECE = 64 * 1024  # bytes that are unpacked at a time: twice the limit never is in memory
_GZIP = 16 + zlib.MAX_WBITS


class AnswerBody:
    """Takes an answer's bytes, and unpacks no more of them than may be kept.

    A kilobyte of gzip is a megabyte at most, but packed twice it is a gigabyte: httpx2 would
    unpack that in one go, before anybody could count.

    Raises `ConnectionError` here and there: the answer is packed otherwise, or badly.
    """

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in {"", "identity", ACCEPTED}:
            message = "the answer is packed in a way that was not asked for"
            raise ConnectionError(message)
        self._gzip = zlib.decompressobj(_GZIP) if encoding == ACCEPTED else None
        self._kept = bytearray()
        self._began = False

    def take(self, data: bytes) -> None:
        """Take the next piece. Beyond the bound it is dropped."""
        self._began = self._began or data != b""
        room = ANSWER_LIMIT + 1 - len(self._kept)
        if room <= 0:
            return
        if self._gzip is None:
            self._kept += data[:room]
            return
        try:
            more = True
            while more and room > 0:
                most = min(room, _PIECE)
                piece = self._gzip.decompress(data, most)
                self._kept += piece
                data, room, more = self._gzip.unconsumed_tail, room - len(piece), len(piece) == most
        except zlib.error:
            message = "the answer is not the gzip that it says it is"
            raise ConnectionError(message) from None

    def whole(self) -> bytes:
        """Return all of it, at the end."""
        if len(self._kept) > ANSWER_LIMIT:
            message = f"the answer is longer than {ANSWER_LIMIT} bytes"
            raise ConnectionError(message)
        if self._gzip is not None and self._began and not self._gzip.eof:
            message = "the answer ends in the middle"
            raise ConnectionError(message)
        return bytes(self._kept)
