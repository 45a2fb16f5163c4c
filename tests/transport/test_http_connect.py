"""HTTP CONNECT over streams in memory: the request, and the error for each response."""

from __future__ import annotations

import base64

import pytest
import trio.testing

from cometconn._transport.http_connect import http_connect
from cometconn._transport.proxy import Proxy, ProxyError, ProxyFault

PLAIN = Proxy("http", "proxy.test", 3128)
NAMED = Proxy("http", "proxy.test", 3128, "me", "s3cret")


async def connect(response: bytes, proxy: Proxy = PLAIN, host: str = "chat.test") -> tuple[bytes, bytes]:
    """Connect through a proxy with this response; return the request, and the first bytes of the server behind the proxy."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.send_all(response)
    await theirs.send_eof()
    await http_connect(ours, proxy, host, 443)
    return await theirs.receive_some(), await ours.receive_some()


async def test_what_follows_the_answer_is_the_servers() -> None:
    """No byte of what follows the proxy's response is lost."""
    asked, said = await connect(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nfirst bytes")
    assert asked == b"CONNECT chat.test:443 HTTP/1.1\r\nHost: chat.test:443\r\n\r\n"
    assert said == b"first bytes"


async def test_credentials_and_ipv6() -> None:
    """The request has Basic credentials for the proxy, and brackets around an IPv6 address."""
    asked, _ = await connect(b"HTTP/1.0 200 OK\r\n\r\n", NAMED, "2001:db8::1")
    assert asked.startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic " + base64.b64encode(b"me:s3cret") + b"\r\n" in asked


@pytest.mark.parametrize(
    ("response", "proxy", "fault", "words"),
    [
        (b"HTTP/1.1 407 Proxy Auth\r\n\r\n", PLAIN, ProxyFault.CREDENTIALS, "wants a user and a password"),
        (b"HTTP/1.1 407 Proxy Auth\r\n\r\n", NAMED, ProxyFault.CREDENTIALS, "does not accept this user and password"),
        (b"HTTP/1.1 403 No\r\n\r\n", NAMED, ProxyFault.REFUSED, "refuses to lead to chat.test:443 (HTTP/1.1 403 No)"),
        (b"HTTP/1.1 302 There\r\n\r\n", NAMED, ProxyFault.REFUSED, "refuses"),
        (b"HTTP/1.1 502 Bad\r\n\r\n", NAMED, ProxyFault.TARGET, "cannot reach chat.test:443"),
        (b"HTTP/1.1 403 \x1b[31m" + b"x" * 1000 + b"\r\n\r\n", PLAIN, ProxyFault.REFUSED, "refuses"),
        (b"SSH-2.0\r\n\r\n", PLAIN, ProxyFault.NONSENSE, "did not answer CONNECT with HTTP"),
        (b"", PLAIN, ProxyFault.NONSENSE, "did not answer CONNECT with HTTP"),
        (b"x" * 70_000, PLAIN, ProxyFault.NONSENSE, "did not answer CONNECT with HTTP"),
    ],
)
async def test_a_refusal_has_its_fault(response: bytes, proxy: Proxy, fault: ProxyFault, words: str) -> None:
    """The error of each refusal has its fault, and one short printable line without the password as its message."""
    with pytest.raises(ProxyError) as caught:
        await connect(response, proxy)
    said = str(caught.value)
    assert caught.value.fault is fault
    assert words in said
    assert said.isprintable()
    assert len(said) < 300
    assert "s3cret" not in said


async def test_a_proxy_that_dies() -> None:
    """A connection that breaks during the request raises an error of its own."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()
    with pytest.raises(ProxyError, match="ended the connection") as caught:
        await http_connect(ours, PLAIN, "chat.test", 443)
    assert caught.value.fault is ProxyFault.NONSENSE


async def test_a_status_line_that_repeats_the_password() -> None:
    """The message contains the password in no form, and no control characters."""
    proxy = Proxy("http", "proxy.test", 3128, "zed", "p@ss/word")
    pair = base64.b64encode(b"zed:p@ss/word").decode()
    said = f"HTTP/1.1 407 \x1b[2Jp@ss/word {pair} zed:p%40ss%2Fword \u202e{'x' * 1000}\r\n\r\n".encode()
    with pytest.raises(ProxyError) as caught:
        await connect(said, proxy)
    shown = str(caught.value)
    assert "HTTP/1.1 407 \\u001b[2J*** *** *** \\u202exxx" in shown
    assert len(shown) < 250
