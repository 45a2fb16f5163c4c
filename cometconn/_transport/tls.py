"""TLS over a byte stream: to the server, and to an `https` proxy."""

from __future__ import annotations

import ssl

import trio

from .tls_stream import TlsSessions, TlsStream

__all__ = ["encrypt"]


async def encrypt(
    stream: trio.abc.Stream, ssl_context: ssl.SSLContext, host: str, sessions: TlsSessions | None = None
) -> trio.SSLStream[trio.abc.Stream] | TlsStream:
    """Do the TLS handshake with *host* over *stream*; the stream that is returned then closes it.

    With *sessions* it is a `TlsStream`, and the latest session with *host* is resumed; otherwise Trio's own.

    Raises `ssl.SSLError`, for a bad certificate for instance, or `trio.BrokenResourceError`. If it fails or is
    cancelled, *stream* is closed. The caller bounds the time.
    """
    secure: trio.SSLStream[trio.abc.Stream] | TlsStream
    try:
        if sessions is None:
            secure = trio.SSLStream(stream, ssl_context, server_hostname=host, https_compatible=True)
        else:
            secure = TlsStream(stream, ssl_context, host, sessions)
        await secure.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(stream)
        raise error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error from None
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secure
