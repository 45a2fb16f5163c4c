"""`cometconn doctor` on its way to servers and proxies that are not as they should be."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from tests.conformance.authority import Authority
from tests.transport.proxies import http_proxy, socks_proxy, tls_front
from tests.transport.raw_server import raw_server, reset


async def silent(stream: trio.SocketStream) -> None:
    """Say nothing."""
    async for _ in stream:
        pass


async def plain(stream: trio.SocketStream) -> None:
    """Speak HTTP, whatever comes."""
    await stream.receive_some(65536)
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def hangs_up(stream: trio.SocketStream) -> None:
    """End the connection at once."""
    await stream.receive_some(1)
    reset(stream)


@asynccontextmanager
async def dressed(authority: Authority, kind: str | None, **more: Any) -> AsyncGenerator[str, None]:
    """A server behind TLS with a certificate of this kind; gives its URL."""
    async with raw_server(plain) as url:
        async with tls_front(authority.server(kind, **more), int(url.rstrip("/").rpartition(":")[2])) as port:
            yield f"https://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("kind", "words", "advice"),
    [
        ("expired", "certificate has expired", "by this machine's clock"),
        ("not yet valid", "not yet valid", "probably behind: set it"),
        ("wrong host", "mismatch", "Another server answers for 127.0.0.1"),
        ("self-signed", "certificate verify failed", "--ca-file"),
    ],
)
async def test_a_certificate_that_is_not_right(
    clinic: Any, tmp_path: pathlib.Path, kind: str, words: str, advice: str
) -> None:
    """Each fault has words and an advice of its own."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with dressed(authority, kind) as url:
        found = await clinic.examine(endpoint=url, ca_file=pathlib.Path(ca))
    assert (found.status, found.failed["step"]) == (3, "TLS")
    assert words in found.failed["words"]
    assert advice in found.failed["advice"]


async def test_a_ca_that_is_not_trusted(clinic: Any, tmp_path: pathlib.Path) -> None:
    """Named, it is trusted."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with dressed(authority, None) as url:
        found = await clinic.examine(endpoint=url)
        assert found.failed["step"] == "TLS"
        assert "--ca-file" in found.failed["advice"]
        found = await clinic.examine(endpoint=url, ca_file=pathlib.Path(ca))
    assert found.of("TLS")["outcome"] == "ok"
    assert "certificate by trustme" in found.of("TLS")["words"]


async def test_a_client_certificate(clinic: Any, tmp_path: pathlib.Path) -> None:
    """TLS 1.3 asks for it behind the handshake: the request, and the upgrade, say so."""
    authority = Authority()
    ca, certificate, key = map(pathlib.Path, authority.files(tmp_path))
    clinic.patch.setenv("COMETCONN_AUTH_TOKEN", "t")
    async with dressed(authority, None, wants_certificate=True) as url:
        found = await clinic.examine(endpoint=url, ca_file=ca)
        assert found.status == 4
        for step in ("log in", "upgrade"):
            assert "the server wants a client certificate" in found.of(step)["words"]
            assert "--client-cert" in found.of(step)["advice"]
        found = await clinic.examine(endpoint=url, ca_file=ca, client_cert=certificate, client_key=key)
    assert "is this CometChat?" in found.of("log in")["words"]


@pytest.mark.parametrize(
    ("script", "words", "advice"),
    [
        (plain, "does not speak TLS", "speaks plain HTTP"),
        (silent, "no answer within 0.3 s", "ended TLS before it began"),
        (hangs_up, "reset by peer", "ended TLS before it began"),
    ],
)
async def test_a_server_that_knows_no_tls(clinic: Any, script: Any, words: str, advice: str) -> None:
    """Each is told as what it is, within the time that a step may take."""
    async with raw_server(script) as url:
        found = await clinic.examine(endpoint=url.replace("ws://", "https://").rstrip("/"), patience=0.3)
    assert (found.status, found.failed["step"]) == (3, "TLS")
    assert words in found.failed["words"]
    assert advice in found.failed["advice"]


async def test_a_name_that_nobody_knows(clinic: Any) -> None:
    """The server's, or the proxy's."""
    found = await clinic.examine(endpoint="https://chat.invalid")
    assert (found.status, found.failed["step"]) == (3, "name lookup")
    assert "Is this machine online" in found.failed["advice"]
    found = await clinic.examine(endpoint=f"https://{'x' * 64}.test")
    assert (found.status, found.failed["step"]) == (3, "name lookup")
    found = await clinic.examine(endpoint="https://chat.test", proxy="http://proxy.invalid")
    assert (found.status, found.failed["step"]) == (3, "name lookup")
    assert "The proxy's name is not known here: correct --proxy" in found.failed["advice"]


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "ask who runs it to allow CONNECT to chat.test:443"),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "does not reach chat.test:443"),
        (b"HTTP/1.1 407 Who\r\n\r\n", "COMETCONN_PROXY or HTTPS_PROXY"),
        (b"SSH-2.0\r\n\r\n", "another kind of proxy"),
    ],
)
async def test_a_proxy_that_does_not_lead_there(clinic: Any, answer: bytes, advice: str) -> None:
    """Whose fault it is, and whom to ask."""
    async with http_proxy(answer=answer) as real:
        found = await clinic.examine(endpoint="https://chat.test", proxy=real.url("http"))
    assert (found.status, found.failed["step"]) == (3, "proxy")
    assert advice in found.failed["advice"]


async def test_other_troubles_with_a_proxy(clinic: Any) -> None:
    """Not there; another kind; one that is silent; TLS where there is none; a name that only the proxy could look up."""
    async with http_proxy() as gone:
        pass
    clinic.patch.setenv("HTTPS_PROXY", gone.url("http"))
    found = await clinic.examine(endpoint="https://chat.test")
    assert (found.failed["step"], found.failed["words"]) == ("TCP", "Connection refused")
    assert "is HTTPS_PROXY right?" in found.failed["advice"]
    async with http_proxy() as real:
        found = await clinic.examine(endpoint="https://chat.test", proxy=real.url("socks5h"), patience=0.5)
        assert found.failed["step"] == "proxy"
        assert "another kind of proxy" in found.failed["advice"]
        found = await clinic.examine(endpoint="https://chat.test", proxy=real.url("https"), patience=0.5)
        assert "begin with http://" in found.failed["advice"] or "another kind" in found.failed["advice"]
    async with raw_server(plain) as url:
        found = await clinic.examine(endpoint="https://chat.test", proxy=url.replace("ws://", "https://"))
        assert "TLS with the proxy itself failed" in found.failed["advice"]
    async with socks_proxy() as real:
        found = await clinic.examine(endpoint="https://chat.invalid", proxy=real.url("socks5"))
    assert "write socks5h://" in found.failed["advice"]


async def test_a_proxy_inside_tls(clinic: Any, tmp_path: pathlib.Path) -> None:
    """With the CA that signed for it, it leads on."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with dressed(authority, None) as url, http_proxy(context=authority.server(None)) as real:
        found = await clinic.examine(endpoint=url, proxy=real.url("https"), ca_file=pathlib.Path(ca))
    assert found.of("proxy")["words"] == f"{real.url('https')} leads there"
    assert found.of("TLS")["outcome"] == "ok"
    assert found.of("name lookup")["words"] == "the proxy: 127.0.0.1"
