"""The server's side of TLS as bytes, so that a test decides how they are cut, and what is sent in their place."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trio

__all__ = ["TlsServer"]


class TlsServer:
    """OpenSSL as a server, without a stream."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self, stream: trio.abc.Stream) -> None:
        """Do the handshake with the client at the other end of *stream*."""
        while True:
            try:
                self.ssl_object.do_handshake()
                break
            except ssl.SSLWantReadError:
                await stream.send_all(self._outgoing.read())
                self._incoming.write(await stream.receive_some(65536))
        await stream.send_all(self._outgoing.read())

    def encrypted(self, data: bytes) -> bytes:
        """Return *data* as records."""
        self.ssl_object.write(data)
        return self._outgoing.read()

    def decrypted(self, data: bytes) -> bytes:
        """Return what records contain: as much as is complete."""
        self._incoming.write(data)
        parts = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while part := self.ssl_object.read(65536):
                parts.append(part)
        return b"".join(parts)

    def close_notify(self) -> bytes:
        """Return TLS's own end."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.ssl_object.unwrap()
        return self._outgoing.read()
