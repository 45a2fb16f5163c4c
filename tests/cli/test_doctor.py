"""`cometconn doctor`: all its steps."""

from __future__ import annotations

import pathlib
import signal
from typing import Any

import pytest
import trio

from cometconn import AppSettings, FileStore, open_client
from cometconn.emulator import Kind, open_emulator
from cometconn.errors import SettingsError
from tests.conformance.authority import Authority
from tests.transport.proxies import http_proxy, socks_proxy, tls_front

from .child import run, running

ALL_PASSED = [
    "saved session skipped",
    "name lookup ok",
    "TCP ok",
    "proxy skipped",
    "TLS skipped",
    "new token ok",
    "log in ok",
    "name lookup ok",
    "TCP ok",
    "proxy skipped",
    "TLS skipped",
    "upgrade ok",
    "auth ok",
    "ping ok",
    "log out ok",
]


async def test_all_steps_pass(doctor_runner: Any) -> None:
    """Every step passes, in order and with its time; afterwards the server is unchanged, and nothing is saved."""
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        found = await doctor_runner.diagnose(endpoint=server.url, uid="zed-1")
        closes = [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)]
        requests = [f"{entry.detail['method']} {entry.detail['path']}" for entry in server.log.of(Kind.REST)]
    assert (found.status, found.outcomes) == (0, ALL_PASSED)
    assert all((one["ms"] is None) == (one["outcome"] == "skipped") for one in found.findings)
    assert closes == [1000]
    assert requests[-1].startswith("DELETE")
    assert not doctor_runner.session.exists()


async def test_the_printed_lines(doctor_runner: Any) -> None:
    """One line is printed for each step, its part above it and the result at the end, without any secret."""
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        status, text = await doctor_runner.read_output(endpoint=server.url, uid="zed-1")
        assert status == 0
        assert text.endswith("\nAll steps passed.\n")
        assert f"\nws://127.0.0.1:{server.port}\n  ok" in text
        doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "WR0NG")
        status, text = await doctor_runner.read_output(endpoint=server.url, uid="zed-1")
    assert status == 4
    assert "\n  failed " in text
    assert "Does the key or token belong to this app?" in text
    assert "Failed: new token (account)" in text
    assert "WR0NG" not in text


async def test_without_a_user(doctor_runner: Any) -> None:
    """Without a user the steps that need none are run, and status 6 means that the others were skipped."""
    async with open_emulator() as server:
        found = await doctor_runner.diagnose(endpoint=server.url)
        assert found.status == 6
        assert found.of("upgrade")["outcome"] == "ok"
        assert "--uid" in found.of("log in")["words"]
        _, text = await doctor_runner.read_output(endpoint=server.url)
    assert "No step failed, but some were skipped" in text


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_the_cloud_behind_a_proxy(doctor_runner: Any, kind: str, tmp_path: pathlib.Path) -> None:
    """With a region, both REST hosts and the WebSocket host of the settings are checked, each through the proxy."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    proxy = socks_proxy(("me", "s3cret")) if kind == "socks5h" else http_proxy(("me", "s3cret"))
    async with (
        open_emulator(public="socket.cometchat.io:443") as server,
        tls_front(authority.server(None), server.port) as front,
        proxy as real,
    ):
        real.ports[443] = front
        doctor_runner.patch.setenv("HTTPS_PROXY", real.url(kind, user="me:s3cret"))
        found = await doctor_runner.diagnose(region="us", uid="zed-1", ca_file=pathlib.Path(ca))
        status, text = await doctor_runner.read_output(region="us", uid="zed-1", ca_file=pathlib.Path(ca))
    assert (found.status, status) == (0, 0)
    parts = list(dict.fromkeys(one["part"] for one in found.findings))
    assert parts == [
        "account",
        "https://APP.api-us.cometchat.io/v3.0",
        "https://APP.apiclient-us.cometchat.io/v3.0",
        "wss://socket.cometchat.io:443",
    ]
    assert "(HTTPS_PROXY)" in found.of("proxy")["words"]
    assert "certificate by trustme" in found.of("TLS")["words"]
    assert real.wrong == 0
    assert "s3cret" not in text + str(found)


async def test_the_same_failure_is_reported_once(doctor_runner: Any) -> None:
    """A failure on the route of both REST and the WebSocket has one advice."""
    found = await doctor_runner.diagnose(endpoint="http://127.0.0.1:1", uid="zed-1")
    assert found.status == 3
    assert found.failed["words"] == "Connection refused"
    assert "cometconn serve" in found.failed["advice"]
    assert [one["outcome"] for one in found.findings].count("failed") == 1
    assert found.of("upgrade")["words"] == "the host and the proxy are those that failed above"


async def test_a_failed_rest_route_in_the_cloud(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """In the cloud the address of the WebSocket comes with the login, so without a login its steps are skipped."""
    found = await doctor_runner.diagnose(region="us", uid="zed-1", proxy="http://127.0.0.1:1")
    assert found.status == 3
    assert found.outcomes[-1] == "upgrade skipped"
    assert "comes with a login" in found.of("upgrade")["words"]


async def test_settings_without_a_socket(doctor_runner: Any, tmp_path: pathlib.Path) -> None:
    """Without a usable host of the WebSocket, a login fails, and with a saved session the upgrade; both name the setting."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with (
        open_emulator(public="socket.cometchat.io:443") as server,
        tls_front(authority.server(None), server.port) as front,
        http_proxy() as real,
    ):
        real.ports[443] = front
        server.world.host = "no host"
        options = {"region": "us", "ca_file": pathlib.Path(ca), "proxy": real.url("http")}
        found = await doctor_runner.diagnose(uid="zed-1", **options)
        assert (found.status, found.failed["step"]) == (4, "log in")
        assert "CHAT_HOST" in found.failed["words"]
        store = FileStore(doctor_runner.session)
        async with open_client("APP", AppSettings(), store=store, endpoints=server.endpoints) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        found = await doctor_runner.diagnose(**options)
    assert (found.status, found.failed["step"]) == (5, "upgrade")
    assert "CHAT_HOST" in found.failed["words"]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
async def test_an_invalid_timeout(doctor_runner: Any, seconds: float) -> None:
    """An invalid timeout is refused, and so are options that name no server."""
    with pytest.raises(SettingsError, match="--timeout"):
        await doctor_runner.diagnose(patience=seconds, region="us")
    with pytest.raises(SettingsError, match="--region"):
        await doctor_runner.diagnose()


async def test_as_a_command(tmp_path: pathlib.Path) -> None:
    """The exit status is that of the findings; an error of the options is one line with status 1."""
    session = str(tmp_path / "session.json")
    async with open_emulator() as server:
        words = ("doctor", "--app-id", "APP", "--endpoint", server.url, "--uid", "zed-1", "--session", session)
        done = await run(*words, COMETCONN_AUTH_KEY="KEY")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"All steps passed." in done.stdout
        done = await run(*words, "--proxy", "http://me:s3cret@127.0.0.1:1")
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"COMETCONN_PROXY" in done.stderr
    assert b"s3cret" not in done.stderr


async def test_a_signal_ends_it(tmp_path: pathlib.Path) -> None:
    """SIGINT ends the doctor at once, with status 130 and without a traceback."""
    asked = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        asked.set()
        await trio.sleep_forever()

    from tests.transport.raw_server import raw_server

    async with raw_server(silent) as url:
        words = ("doctor", "--app-id", "APP", "--endpoint", url.replace("ws://", "https://").rstrip("/"))
        async with running(*words, "--session", str(tmp_path / "s.json")) as child:
            await asked.wait()
            assert await child.stop(signal.SIGINT) == 130
        assert b"Traceback" not in child.errors


async def test_invalid_options_are_reported_first(doctor_runner: Any) -> None:
    """Invalid options are reported before any step is run."""
    with pytest.raises(SettingsError, match="--region"):
        await doctor_runner.diagnose(endpoint=None)
    assert doctor_runner.capture.readouterr().out == ""
