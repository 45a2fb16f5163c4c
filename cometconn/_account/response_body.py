"""The body of an HTTP response, decompressed as it arrives and bounded in length."""

from __future__ import annotations

import io
import zlib

__all__ = ["CONTENT_ENCODING", "RESPONSE_LIMIT", "ResponseBody"]

CONTENT_ENCODING = "gzip"
"""The only content encoding that is requested and accepted, and only one layer of it."""

RESPONSE_LIMIT = 16 * 1024 * 1024
"""The longest body that is accepted, in bytes after decompression."""
_PIECE = 64 * 1024  # bytes decompressed at a time, so that memory use stays close to the limit
_GZIP = 16 + zlib.MAX_WBITS


class ResponseBody:
    """Collects the bytes of a response body, and decompresses no more of them than `RESPONSE_LIMIT`.

    One kilobyte of gzip decompresses to at most one megabyte, but two layers of it to a gigabyte, and httpx2 would
    decompress that at once, before its length could be checked.

    The constructor and both methods raise `ConnectionError` if the content encoding is not supported or the data is
    invalid.
    """

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in {"", "identity", CONTENT_ENCODING}:
            message = "the response has a content encoding that was not asked for"
            raise ConnectionError(message)
        self._gzip = zlib.decompressobj(_GZIP) if encoding == CONTENT_ENCODING else None
        self._kept = io.BytesIO()  # whose content becomes `bytes` without a copy: of 16 MiB one takes 10 ms
        self._began = False

    def take(self, data: bytes) -> None:
        """Add the next piece of the body. What exceeds the limit is dropped."""
        self._began = self._began or data != b""
        room = RESPONSE_LIMIT + 1 - self._kept.tell()
        if room <= 0:
            return
        if self._gzip is None:
            self._kept.write(data[:room])
            return
        try:
            more = True
            while more and room > 0:
                most = min(room, _PIECE)
                piece = self._gzip.decompress(data, most)
                self._kept.write(piece)
                data, room, more = self._gzip.unconsumed_tail, room - len(piece), len(piece) == most
        except zlib.error:
            message = "the response is not the gzip data that its header announces"
            raise ConnectionError(message) from None

    def whole(self) -> bytes:
        """Return the whole body, after its last piece."""
        if self._kept.tell() > RESPONSE_LIMIT:
            message = f"the response is longer than {RESPONSE_LIMIT} bytes"
            raise ConnectionError(message)
        if self._gzip is not None and self._began and not self._gzip.eof:
            message = "the response ends before its gzip data does"
            raise ConnectionError(message)
        return self._kept.getvalue()
