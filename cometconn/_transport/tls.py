"""TLS over a byte stream: to the server, and to an `https` proxy."""

from __future__ import annotations

import ssl

import trio

__all__ = ["encrypt"]


async def encrypt(stream: trio.abc.Stream, ssl_context: ssl.SSLContext, host: str) -> trio.abc.Stream:
    """Do the TLS handshake with *host* over *stream*; the stream that is returned then closes it.

    Raises `ssl.SSLError`, for a bad certificate for instance, or `trio.BrokenResourceError`. If it fails or is
    cancelled, *stream* is closed. The caller bounds the time.
    """
    secure = trio.SSLStream(stream, ssl_context, server_hostname=host, https_compatible=True)
    try:
        await secure.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(stream)
        raise error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error from None
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secure
