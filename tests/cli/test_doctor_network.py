"""`cometconn doctor` against faulty servers and proxies."""

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


async def stay_silent(stream: trio.SocketStream) -> None:
    """Read until the client closes, and send nothing."""
    async for _ in stream:
        pass


async def reply_in_plain_http(stream: trio.SocketStream) -> None:
    """Reply in plain HTTP."""
    await stream.receive_some(65536)
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def reset_connection(stream: trio.SocketStream) -> None:
    """Reset the connection after the first byte."""
    await stream.receive_some(1)
    reset(stream)


@asynccontextmanager
async def tls_server(authority: Authority, kind: str | None, **options: Any) -> AsyncGenerator[str, None]:
    """Run a TLS server with a certificate of *kind* (`None`: a valid one), and yield its URL."""
    async with raw_server(reply_in_plain_http) as url:
        async with tls_front(authority.server(kind, **options), int(url.rstrip("/").rpartition(":")[2])) as port:
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
    """For each invalid certificate the TLS step fails, with a text and an advice that name the fault."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with tls_server(authority, kind) as url:
        diagnosis = await doctor_runner.diagnose(endpoint=url, ca_file=pathlib.Path(ca))
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "TLS")
    assert words in diagnosis.failed["words"]
    assert advice in diagnosis.failed["advice"]


async def test_a_plain_url_for_a_tls_port(doctor_runner: Any) -> None:
    """Where the server requires TLS and the URL begins with http://, the TLS step fails and its advice names https://."""
    async with tls_server(Authority(), None) as url:
        diagnosis = await doctor_runner.diagnose(endpoint=url.replace("https", "http"))
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "TLS")
    assert diagnosis.failed["words"] == "the server requires TLS at this port"
    assert "https://" in diagnosis.failed["advice"]
    assert [one["outcome"] for one in diagnosis.findings].count("failed") == 1


async def test_a_ca_that_is_not_trusted(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """A certificate of an unknown CA fails the TLS step, and passes with --ca-file."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with tls_server(authority, None) as url:
        diagnosis = await doctor_runner.diagnose(endpoint=url)
        assert diagnosis.failed["step"] == "TLS"
        assert "--ca-file" in diagnosis.failed["advice"]
        diagnosis = await doctor_runner.diagnose(endpoint=url, ca_file=pathlib.Path(ca))
    assert diagnosis.of("TLS")["outcome"] == "ok"
    assert "certificate by trustme" in diagnosis.of("TLS")["words"]


async def test_a_client_certificate(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """With TLS 1.3 a missing client certificate is rejected after the handshake, so "log in" and "upgrade" report it."""
    authority = Authority()
    ca, certificate, key = map(pathlib.Path, authority.files(tmp_path))
    doctor_runner.patch.setenv("COMETCONN_AUTH_TOKEN", "t")
    async with tls_server(authority, None, wants_certificate=True) as url:
        diagnosis = await doctor_runner.diagnose(endpoint=url, ca_file=ca)
        assert diagnosis.status == 4
        for step in ("log in", "upgrade"):
            assert "the server wants a client certificate" in diagnosis.of(step)["words"]
            assert "--client-cert" in diagnosis.of(step)["advice"]
        diagnosis = await doctor_runner.diagnose(endpoint=url, ca_file=ca, client_cert=certificate, client_key=key)
    assert "is this CometChat?" in diagnosis.of("log in")["words"]


@pytest.mark.parametrize(
    ("script", "words", "advice"),
    [
        (reply_in_plain_http, "does not speak TLS", "does not use TLS"),
        (stay_silent, "no reply within 0.3 s", "did not complete the TLS handshake"),
        (reset_connection, "reset by peer", "did not complete the TLS handshake"),
    ],
)
async def test_tls_handshake_fails(doctor_runner: Any, script: Any, words: str, advice: str) -> None:
    """The TLS step fails with its own text and advice for plain HTTP, silence and a reset, within the time limit of a step."""
    patience = 0.3 if script is stay_silent else 10.0
    async with raw_server(script) as url:
        endpoint = url.replace("ws://", "https://").rstrip("/")
        diagnosis = await doctor_runner.diagnose(endpoint=endpoint, patience=patience)
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "TLS")
    assert words in diagnosis.failed["words"]
    assert advice in diagnosis.failed["advice"]


async def test_an_unknown_name(doctor_runner: Any) -> None:
    """The name lookup fails for an unknown host of the server, one that is too long, and an unknown host of the proxy."""
    diagnosis = await doctor_runner.diagnose(endpoint="https://chat.invalid")
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "name lookup")
    assert "Is this machine online" in diagnosis.failed["advice"]
    diagnosis = await doctor_runner.diagnose(endpoint=f"https://{'x' * 64}.test")
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "name lookup")
    diagnosis = await doctor_runner.diagnose(endpoint="https://chat.test", proxy="http://proxy.invalid")
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "name lookup")
    assert "The name of the proxy is unknown: correct --proxy" in diagnosis.failed["advice"]


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "ask its administrator to allow CONNECT to chat.test:443"),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "does not reach chat.test:443"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "COMETCONN_PROXY or HTTPS_PROXY"),
        (b"SSH-2.0\r\n\r\n", "another kind of proxy"),
    ],
)
async def test_a_proxy_that_refuses(doctor_runner: Any, answer: bytes, advice: str) -> None:
    """The advice differs for 403, 503, 407 and a reply that is not HTTP."""
    async with http_proxy(answer=answer) as proxy:
        diagnosis = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=proxy.url("http"))
    assert (diagnosis.status, diagnosis.failed["step"]) == (3, "proxy")
    assert advice in diagnosis.failed["advice"]


async def test_other_faults_of_a_proxy(doctor_runner: Any) -> None:
    """A proxy that is down, one addressed as SOCKS or https, one without TLS, and one that must look up the name itself."""
    async with http_proxy() as gone:
        pass
    doctor_runner.patch.setenv("HTTPS_PROXY", gone.url("http"))
    diagnosis = await doctor_runner.diagnose(endpoint="https://chat.test")
    assert (diagnosis.failed["step"], diagnosis.failed["words"]) == ("TCP", "Connection refused")
    assert "is HTTPS_PROXY right?" in diagnosis.failed["advice"]
    async with http_proxy() as proxy:
        diagnosis = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=proxy.url("socks5h"), patience=0.5)
        assert diagnosis.failed["step"] == "proxy"
        assert "another kind of proxy" in diagnosis.failed["advice"]
        diagnosis = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=proxy.url("https"), patience=0.5)
        assert "begin with http://" in diagnosis.failed["advice"] or "another kind" in diagnosis.failed["advice"]
    async with raw_server(reply_in_plain_http) as url:
        diagnosis = await doctor_runner.diagnose(endpoint="https://chat.test", proxy=url.replace("ws://", "https://"))
        assert "TLS with the proxy itself failed" in diagnosis.failed["advice"]
    async with socks_proxy() as proxy:
        diagnosis = await doctor_runner.diagnose(endpoint="https://chat.invalid", proxy=proxy.url("socks5"))
    assert "with socks5h://" in diagnosis.failed["advice"]


async def test_a_proxy_inside_tls(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """Through an https proxy with a trusted certificate, every step reports the proxy."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    async with tls_server(authority, None) as url, http_proxy(context=authority.server(None)) as proxy:
        diagnosis = await doctor_runner.diagnose(endpoint=url, proxy=proxy.url("https"), ca_file=pathlib.Path(ca))
    assert diagnosis.of("proxy")["words"] == f"connected by {proxy.url('https')}"
    assert diagnosis.of("TLS")["outcome"] == "ok"
    assert diagnosis.of("name lookup")["words"] == "the proxy: 127.0.0.1"
