"""`cometconn.emulator.certificate_files`, and the server with TLS."""

from __future__ import annotations

import datetime
import hashlib
import pathlib
import socket
import ssl
import stat
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest
import trio
import trustme
from cryptography import x509

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import Kind, open_emulator
from cometconn.emulator.certificate_files import read_or_make
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_a_client_that_trusts_the_authority_uses_it() -> None:
    """REST and WebSocket go over TLS on one port; a lost and a closed connection are recorded as without it."""
    async with open_emulator(tls=True) as server:
        certificate = server.certificate
        assert certificate is not None
        assert server.url.startswith("https://127.0.0.1:")
        async with cometconn.open_client(
            "APP",
            AppSettings(),
            endpoints=server.endpoints,
            store=MemoryStore(),
            ssl_context=certificate.client_context(),
        ) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            with trio.fail_after(10):
                await chat.connect()
                async with chat.events(cometconn.events.TextMessage) as messages:
                    server.say("amy-2", "hello", receiver="zed-1")
                    message = await anext(messages)
                    assert isinstance(message, cometconn.events.TextMessage)
                    assert message.text == "hello"
                await chat.disconnect()
                await server.wait_gone("zed-1")
                await chat.connect()
                server.drop("zed-1", "reset")
                await server.wait_gone("zed-1")
        how = [(entry.detail["how"], entry.detail["code"]) for entry in server.log.of(Kind.GONE)]
        assert how == [("close", 1000), ("reset", None)]
    assert not certificate.ca_file.exists()


async def test_a_client_that_does_not_trust_it_is_refused() -> None:
    """Neither that nor an HTTP request without TLS, nor a client that sends nothing, harms the server."""
    async with open_emulator(tls=True) as server:
        with pytest.raises(httpx2.ConnectError):
            async with httpx2.AsyncClient() as client:
                await client.get(f"{server.url}/v3.0/settings")
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as plain:
            await plain.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with trio.fail_after(10):
                while await plain.receive_some():
                    pass
        async with await trio.open_tcp_stream("127.0.0.1", server.port):
            assert server.certificate is not None
            async with httpx2.AsyncClient(verify=server.certificate.client_context()) as client:
                assert (await client.get(f"{server.url}/v3.0/settings")).status_code == 200


@pytest.mark.parametrize(
    ("public", "host", "port"), [("chat.test", "chat.test", None), ("chat.test:9443", "chat.test", "9443")]
)
async def test_the_public_name_is_in_settings_and_certificate(public: str, host: str, port: str | None) -> None:
    """With or without a port; the server's own port is used without."""
    async with open_emulator(tls=True, public=public) as server:
        assert server.certificate is not None
        assert set(server.certificate.names) == {"localhost", "127.0.0.1", "::1", "chat.test"}
        async with httpx2.AsyncClient(verify=server.certificate.client_context()) as client:
            settings = (await client.get(f"{server.url}/v3.0/settings")).json()["data"]
        assert (settings["CHAT_HOST"], settings["CHAT_WSS_PORT"]) == (host, port or str(server.port))


async def test_without_tls_a_public_address_has_a_port() -> None:
    """And there is no certificate."""
    with pytest.raises(SettingsError, match="public address"):
        async with open_emulator(public="chat.test"):
            pass
    async with open_emulator() as server:
        assert server.certificate is None


def test_a_certificate_is_kept(tmp_path: pathlib.Path) -> None:
    """A second start reads it, also for fewer names; only its owner can read the key."""
    folder = tmp_path / "new" / "tls"
    first, _ = read_or_make(folder, ["chat.test", "10.0.0.1"])
    assert read_or_make(folder, ["chat.test"])[0] == first
    assert first.names == ("localhost", "127.0.0.1", "::1", "chat.test", "10.0.0.1")
    assert stat.S_IMODE((folder / "server.pem").stat().st_mode) == 0o600
    assert {each.name for each in folder.iterdir()} == {"ca.pem", "server.pem"}
    pem = (folder / "server.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----BEGIN PRIVATE KEY")].strip())
    assert first.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def _damage(folder: pathlib.Path, name: str) -> None:
    (folder / name).write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda folder: (folder / "ca.pem").unlink(), id="no authority"),
        pytest.param(lambda folder: (folder / "server.pem").unlink(), id="no key"),
        pytest.param(lambda folder: _damage(folder, "ca.pem"), id="damaged authority"),
        pytest.param(lambda folder: _damage(folder, "server.pem"), id="damaged certificate"),
        pytest.param(
            lambda folder: (folder / "server.pem").write_text((folder / "ca.pem").read_text()), id="another certificate"
        ),
        pytest.param(
            lambda folder: read_or_make(folder / "b", ["x.test"])[0].ca_file.replace(folder / "ca.pem"),
            id="another authority",
        ),
    ],
)
def test_a_bad_certificate_is_made_again(tmp_path: pathlib.Path, harm: Callable[[pathlib.Path], object]) -> None:
    """Whatever is wrong in the folder, what is there afterwards is good."""
    first, _ = read_or_make(tmp_path, [])
    harm(tmp_path)
    second, _ = read_or_make(tmp_path, [])
    assert second.fingerprint != first.fingerprint
    assert read_or_make(tmp_path, [])[0] == second


@pytest.mark.parametrize("left", ["ca.pem", "server.pem", "key"])
def test_files_of_another_origin_are_not_replaced(tmp_path: pathlib.Path, left: str) -> None:
    """A certificate or a private key, for example of a real server in the same folder."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1", "::1")
    contents = {
        "ca.pem": authority.cert_pem.bytes(),
        "server.pem": leaf.cert_chain_pems[0].bytes() + leaf.private_key_pem.bytes(),
        "key": leaf.private_key_pem.bytes(),
    }
    path = tmp_path / ("ca.pem" if left == "ca.pem" else "server.pem")
    path.write_bytes(contents[left])
    with pytest.raises(SettingsError, match="was not made by cometconn"):
        read_or_make(tmp_path, [])
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [contents[left]]


def test_a_certificate_is_renewed(tmp_path: pathlib.Path) -> None:
    """For a new name, and a week before it expires."""
    first, _ = read_or_make(tmp_path, [])
    second, _ = read_or_make(tmp_path, ["chat.test"])
    assert second.fingerprint != first.fingerprint
    leaf = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    for days, same in ((8, True), (6, False)):
        now = leaf.not_valid_after_utc - datetime.timedelta(days=days)
        assert (read_or_make(tmp_path, [], now=now)[0] == second) is same


@pytest.mark.parametrize("name", ["müller.test"])
def test_a_bad_name_is_refused(tmp_path: pathlib.Path, name: str) -> None:
    """The error shows it."""
    with pytest.raises(SettingsError, match="A certificate cannot be for 'müller.test'"):
        read_or_make(tmp_path, [name])


async def test_tls_without_cryptography_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is how to install it."""
    monkeypatch.setitem(sys.modules, "cometconn.emulator.certificate_files", None)
    with pytest.raises(SettingsError, match=r'pip install "cometconn\[tls\]"'):
        async with open_emulator(tls=True):
            pass


async def test_a_handshake_has_a_time_limit(autojump_clock: trio.testing.MockClock) -> None:
    """A client that connects and sends nothing is disconnected after 10 s."""
    started = trio.current_time()
    async with open_emulator(tls=True) as server:
        with socket.socket() as silent:
            silent.setblocking(False)
            silent.connect_ex(("127.0.0.1", server.port))
            await trio.lowlevel.wait_readable(silent)
            assert silent.recv(1) == b""
            assert trio.current_time() - started == pytest.approx(10, abs=1)
