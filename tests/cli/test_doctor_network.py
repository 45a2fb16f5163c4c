"""`cometconn doctor` with servers and proxies that have faults."""

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
    """Send nothing."""
    async for _ in stream:
        pass


async def plain(stream: trio.SocketStream) -> None:
    """Reply in plain HTTP."""
    await stream.receive_some(65536)
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def resets(stream: trio.SocketStream) -> None:
    """Reset the connection at once."""
    await stream.receive_some(1)
    reset(stream)


@asynccontextmanager
async def tls_server(authority: Authority, kind: str | None, **more: Any) -> AsyncGenerator[str, None]:
    """Run a TLS server with a certificate of this kind, and yield its URL."""
    async with raw_server(plain) as url:
        async with tls_front(authority.server(kind, **more), int(url.rstrip("/").rpartition(":")[2])) as port:
            yield f"https://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("kind", "words", "advice"),
    [
        ("expired", "certificate has expired", "by this machine's clock"),
        ("not yet valid", "not yet valid", "probably slow: set it"),
        ("wrong host", "mismatch", "for another host than 127.0.0.1"),
        ("self-signed", "certificate verify failed", "--ca-file"),
    ],
)
async def test_an_invalid_certificate(
    doctor_runner: Any, tmp_path: pathlib.Path, kind: str, words: str, advice: str
) -> None:
    """Each fault has its words and its advice."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with tls_server(authority, kind) as url:
        found = await doctor_runner.diagnose(endpoint=url, ca_file=pathlib.Path(ca))
    assert (found.status, found.failed["step"]) == (3, "TLS")
    assert words in found.failed["words"]
    assert advice in found.failed["advice"]


async def test_a_ca_that_is_not_trusted(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """With --ca-file it is trusted."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with tls_server(authority, None) as url:
        found = await doctor_runner.diagnose(endpoint=url)
        assert found.failed["step"] == "TLS"
        assert "--ca-file" in found.failed["advice"]
        found = await doctor_runner.diagnose(endpoint=url, ca_file=pathlib.Path(ca))
    assert found.of("TLS")["outcome"] == "ok"
    assert "certificate by trustme" in found.of("TLS")["words"]


async def test_a_client_certificate(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """TLS 1.3 refuses after the handshake: the REST request and the upgrade report it."""
    authority = Authority()
    ca, certificate, key = map(pathlib.Path, authority.files(tmp_path))
    doctor_runner.patch.setenv("COMETCONN_AUTH_TOKEN", "t")
    async with tls_server(authority, None, wants_certificate=True) as url:
        found = await doctor_runner.diagnose(endpoint=url, ca_file=ca)
        assert found.status == 4
        for step in ("log in", "upgrade"):
            assert "the server wants a client certificate" in found.of(step)["words"]
            assert "--client-cert" in found.of(step)["advice"]
        found = await doctor_runner.diagnose(endpoint=url, ca_file=ca, client_cert=certificate, client_key=key)
    assert "is this CometChat?" in found.of("log in")["words"]


@pytest.mark.parametrize(
    ("script", "words", "advice"),
    [
        (plain, "does not speak TLS", "does not use TLS"),
        (silent, "no reply within 0.3 s", "did not complete the TLS handshake"),
        (resets, "reset by peer", "did not complete the TLS handshake"),
    ],
)
async def test_a_server_without_tls(doctor_runner: Any, script: Any, words: str, advice: str) -> None:
    """Each has its words and its advice, within the time that a step may take."""
    async with raw_server(script) as url:
        found = await doctor_runner.diagnose(endpoint=url.replace("ws://", "https://").rstrip("/"), patience=0.3)
    assert (found.status, found.failed["step"]) == (3, "TLS")
    assert words in found.failed["words"]
    assert advice in found.failed["advice"]


async def test_an_unknown_name(doctor_runner: Any) -> None:
    """The server's, or the proxy's."""
    found = await doctor_runner.diagnose(endpoint="https://chat.invalid")
    assert (found.status, found.failed["step"]) == (3, "name lookup")
    assert "Is this machine online" in found.failed["advice"]
    found = await doctor_runner.diagnose(endpoint=f"https://{'x' * 64}.test")
    assert (found.status, found.failed["step"]) == (3, "name lookup")
    found = await doctor_runner.diagnose(endpoint="https://chat.test", proxy="http://proxy.invalid")
    assert (found.status, found.failed["step"]) == (3, "name lookup")
    assert "The name of the proxy is unknown: correct --proxy" in found.failed["advice"]


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "ask its administrator to allow CONNECT to chat.test:443"),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "does not reach chat.test:443"),
        (b"HTTP/1.1 407 Who\r\n\r\n", "COMETCONN_PROXY or HTTPS_PROXY"),
        (b"SSH-2.0\r\n\r\n", "another kind of proxy"),
    ],
)
async def test_a_proxy_that_refuses(doctor_runner: Any, answer: bytes, advice: str) -> None:
    """Each refusal has its advice."""
    async with http_proxy(answer=answer) as real:
        found = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=real.url("http"))
    assert (found.status, found.failed["step"]) == (3, "proxy")
    assert advice in found.failed["advice"]


async def test_other_faults_of_a_proxy(doctor_runner: Any) -> None:
    """One that does not run, another kind, a silent one, one without TLS, and a name that only the proxy can look up."""
    async with http_proxy() as gone:
        pass
    doctor_runner.patch.setenv("HTTPS_PROXY", gone.url("http"))
    found = await doctor_runner.diagnose(endpoint="https://chat.test")
    assert (found.failed["step"], found.failed["words"]) == ("TCP", "Connection refused")
    assert "is HTTPS_PROXY right?" in found.failed["advice"]
    async with http_proxy() as real:
        found = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=real.url("socks5h"), patience=0.5)
        assert found.failed["step"] == "proxy"
        assert "another kind of proxy" in found.failed["advice"]
        found = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=real.url("https"), patience=0.5)
        assert "begin with http://" in found.failed["advice"] or "another kind" in found.failed["advice"]
    async with raw_server(plain) as url:
        found = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=url.replace("ws://", "https://"))
        assert "TLS with the proxy itself failed" in found.failed["advice"]
    async with socks_proxy() as real:
        found = await doctor_runner.diagnose(endpoint="https://chat.invalid", proxy=real.url("socks5"))
    assert "with socks5h://" in found.failed["advice"]


async def test_a_proxy_inside_tls(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """If its certificate is trusted, the connection goes through it."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with tls_server(authority, None) as url, http_proxy(context=authority.server(None)) as real:
        found = await doctor_runner.diagnose(endpoint=url, proxy=real.url("https"), ca_file=pathlib.Path(ca))
    assert found.of("proxy")["words"] == f"connected by {real.url('https')}"
    assert found.of("TLS")["outcome"] == "ok"
    assert found.of("name lookup")["words"] == "the proxy: 127.0.0.1"
