"""The TLS handshake, and the error for each bad certificate."""

from __future__ import annotations

import ssl

import pytest
import trio

from cometconn._transport.tls import encrypt
from tests.conformance.authority import Authority

from .proxies import tls_front
from .raw_server import raw_server


async def greet(stream: trio.SocketStream) -> None:
    """Send hello, and read until the client has gone."""
    await stream.send_all(b"hello")
    async for _ in stream:
        pass


async def greeting(
    authority: Authority, server: ssl.SSLContext, client: ssl.SSLContext, host: str = "chat.test"
) -> bytes:
    """Return what such a client receives from such a server."""
    with trio.fail_after(20):
        async with raw_server(greet) as url:
            async with tls_front(server, int(url.rstrip("/").rpartition(":")[2])) as front:
                try:
                    async with await encrypt(await trio.open_tcp_stream("127.0.0.1", front), client, host) as stream:
                        return bytes(await stream.receive_some(5))
                except (OSError, trio.BrokenResourceError) as raised:
                    error = raised
    raise error


async def test_a_ca_of_our_own() -> None:
    """A client that trusts the private CA connects; another gets an error about the certificate."""
    authority = Authority()
    assert await greeting(authority, authority.server(None), authority.client()) == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
        await greeting(authority, authority.server(None), ssl.create_default_context())


async def test_a_client_certificate() -> None:
    """A client with a certificate connects; without one, TLS 1.3 fails when reading, and 1.2 in the handshake."""
    authority = Authority()
    server = authority.server(None, wants_certificate=True)
    assert await greeting(authority, server, authority.client(certificate=True)) == b"hello"
    with pytest.raises(trio.BrokenResourceError) as caught:
        await greeting(authority, server, authority.client())
    assert "CERTIFICATE_REQUIRED" in str(caught.value.__cause__)
    older = authority.client()
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await greeting(authority, server, older)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("expired", "expired"), ("not yet valid", "not yet valid"), ("wrong host", "not valid for 'chat.test'")],
)
async def test_a_certificate_that_is_not_right(kind: str, words: str) -> None:
    """The message of the error contains OpenSSL's reason."""
    authority = Authority()
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        await greeting(authority, authority.server(kind), authority.client())
