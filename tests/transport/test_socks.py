"""SOCKS5 against a real proxy on loopback: the error for each reply."""

from __future__ import annotations

import traceback

import pytest
import trio

from cometconn._transport.proxy import Proxy, ProxyError, ProxyFault, read_proxy
from cometconn._transport.socks import is_installed, socks_connect

from .proxies import socks_proxy
from .raw_server import raw_server

ME = ("me", "s3cret")


async def ask(url: str, host: str = "chat.test", port: int = 443) -> trio.SocketStream:
    """Connect through the proxy at *url*."""
    proxy = read_proxy(url)
    assert isinstance(proxy, Proxy)
    stream = await trio.open_tcp_stream(proxy.host, proxy.port)
    try:
        with trio.fail_after(10):
            await socks_connect(stream, proxy, host, port)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


def test_the_extra_is_there() -> None:
    """The extra `socks` is installed, because it is one of the tests' requirements."""
    assert is_installed()


async def test_with_user_and_password() -> None:
    """Credentials are percent-encoded in the URL and decoded for the proxy; the server's first bytes come through."""

    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(b"hello")

    async with raw_server(greet) as url, socks_proxy(("m:e", "p@ss")) as real:
        port = int(url.rstrip("/").rpartition(":")[2])
        async with await ask(real.url("socks5h", user="m%3Ae:p%40ss"), port=port) as stream:
            assert await stream.receive_some(5) == b"hello"
    assert (real.asked, real.wrong) == (["chat.test"], 0)


@pytest.mark.parametrize(
    ("user", "words"),
    [("", "requires another authentication"), ("me:wrong", "does not accept this user and password")],
)
async def test_wrong_credentials(user: str, words: str) -> None:
    """The error has its own fault, and its message does not contain the credentials."""
    async with socks_proxy(ME) as real:
        with pytest.raises(ProxyError, match=words) as caught:
            await ask(real.url("socks5h", user=user))
    assert caught.value.fault is ProxyFault.CREDENTIALS
    assert real.wrong == 1
    assert "me:" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("code", "fault", "words"),
    [
        (1, ProxyFault.TARGET, "general failure"),
        (2, ProxyFault.REFUSED, "does not allow it"),
        (3, ProxyFault.TARGET, "network is unreachable"),
        (4, ProxyFault.TARGET, "host is unreachable"),
        (5, ProxyFault.TARGET, "connection was refused"),
        (6, ProxyFault.TARGET, "too far away"),
        (7, ProxyFault.REFUSED, "does not do CONNECT"),
        (8, ProxyFault.REFUSED, "this kind of address"),
        (99, ProxyFault.NONSENSE, "does not answer as a SOCKS5 proxy"),
    ],
)
async def test_a_refusal_has_its_fault(code: int, fault: ProxyFault, words: str) -> None:
    """The message has a text for each code of RFC 1928, and names the server."""
    async with socks_proxy(answer=bytes([5, code, 0, 1]) + bytes(6)) as real:
        with pytest.raises(ProxyError, match=words) as caught:
            await ask(real.url("socks5h"), host="2001:db8::1")
    assert caught.value.fault is fault
    assert fault is ProxyFault.NONSENSE or "[2001:db8::1]:443" in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"", b"\x05", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\x00" + b"\x05\x00\x00\x09" + bytes(20)]
)
async def test_what_is_no_socks_proxy(answer: bytes) -> None:
    """Whatever a server that is no SOCKS proxy replies, the error is the same."""

    async def talk(stream: trio.SocketStream) -> None:
        await stream.receive_some(3)
        await stream.send_all(answer)

    async with raw_server(talk) as url:
        with pytest.raises(ProxyError, match="does not answer as a SOCKS5 proxy") as caught:
            await ask(url.replace("ws", "socks5h"))
    assert caught.value.fault is ProxyFault.NONSENSE


async def test_a_name_that_no_request_can_carry() -> None:
    """A host name longer than SOCKS allows is refused."""
    async with socks_proxy() as real:
        with pytest.raises(ProxyError):
            await ask(real.url("socks5h"), host="x" * 300)
