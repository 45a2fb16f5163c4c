"""`cometconn doctor`: the whole examination."""

from __future__ import annotations

import pathlib
import signal
from typing import Any

import pytest
import trio

from cometconn.emulator import Kind, open_emulator
from cometconn.errors import SettingsError
from tests.conformance.authority import Authority
from tests.transport.proxies import http_proxy, socks_proxy, tls_front

from .child import run, running

WELL = [
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


async def test_all_is_well(clinic: Any) -> None:
    """Each step in its order, with its time; afterwards the server is as before, and nothing is saved."""
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        found = await clinic.examine(endpoint=server.url, uid="zed-1")
        closes = [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)]
        requests = [f"{entry.detail['method']} {entry.detail['path']}" for entry in server.log.of(Kind.REST)]
    assert (found.status, found.course) == (0, WELL)
    assert all((one["ms"] is None) == (one["outcome"] == "skipped") for one in found.findings)
    assert closes == [1000]
    assert requests[-1].startswith("DELETE")
    assert not clinic.session.exists()


async def test_as_people_read_it(clinic: Any) -> None:
    """One line for each step, its part above it, the verdict at the end; no secret anywhere."""
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        status, text = await clinic.read(endpoint=server.url, uid="zed-1")
        assert status == 0
        assert text.endswith("\nAll is well.\n")
        assert f"\nws://127.0.0.1:{server.port}\n  ok" in text
        clinic.patch.setenv("COMETCONN_AUTH_KEY", "WR0NG")
        status, text = await clinic.read(endpoint=server.url, uid="zed-1")
    assert status == 4
    assert "\n  failed " in text
    assert "Is the key or token that of this app?" in text
    assert "Not well: new token failed (account)" in text
    assert "WR0NG" not in text


async def test_without_a_user(clinic: Any) -> None:
    """What needs nobody is looked at; status 6 says that it was not all."""
    async with open_emulator() as server:
        found = await clinic.examine(endpoint=server.url)
        assert found.status == 6
        assert found.of("upgrade")["outcome"] == "ok"
        assert "--uid" in found.of("log in")["words"]
        _, text = await clinic.read(endpoint=server.url)
    assert "as far as could be seen" in text


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_the_cloud_behind_a_proxy(clinic: Any, kind: str, tmp_path: pathlib.Path) -> None:
    """With a region, both REST hosts and the socket host that the settings name are looked at, each through the proxy."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    proxy = socks_proxy(("me", "s3cret")) if kind == "socks5h" else http_proxy(("me", "s3cret"))
    async with (
        open_emulator(public="socket.cometchat.io:443") as server,
        tls_front(authority.server(None), server.port) as front,
        proxy as real,
    ):
        real.ports[443] = front
        clinic.patch.setenv("HTTPS_PROXY", real.url(kind, user="me:s3cret"))
        found = await clinic.examine(region="us", uid="zed-1", ca_file=pathlib.Path(ca))
        status, text = await clinic.read(region="us", uid="zed-1", ca_file=pathlib.Path(ca))
    assert (found.status, status) == (0, 0)
    parts = list(dict.fromkeys(one["part"] for one in found.findings))
    assert parts == [
        "account",
        "https://APP.api-us.cometchat.io/v3.0",
        "https://APP.apiclient-us.cometchat.io/v3.0",
        "wss://socket.cometchat.io:443",
    ]
    assert "leads there (HTTPS_PROXY)" in found.of("proxy")["words"]
    assert "certificate by trustme" in found.of("TLS")["words"]
    assert real.wrong == 0
    assert "s3cret" not in text + str(found)


async def test_the_same_trouble_is_told_once(clinic: Any) -> None:
    """What stands before REST and socket alike has one advice."""
    found = await clinic.examine(endpoint="http://127.0.0.1:1", uid="zed-1")
    assert found.status == 3
    assert found.failed["words"] == "Connection refused"
    assert "cometconn serve" in found.failed["advice"]
    assert [one["outcome"] for one in found.findings].count("failed") == 1
    assert found.of("upgrade")["words"] == "the way there is the same"


async def test_a_way_that_is_blocked_for_rest_alone(clinic: Any, tmp_path: pathlib.Path) -> None:
    """In the cloud, where the socket is comes with the login: without, there is nothing to look at."""
    found = await clinic.examine(region="us", uid="zed-1", proxy="http://127.0.0.1:1")
    assert found.status == 3
    assert found.course[-1] == "upgrade skipped"
    assert "told with a login" in found.of("upgrade")["words"]


async def test_settings_that_name_no_socket(clinic: Any, tmp_path: pathlib.Path) -> None:
    """The server's own settings may be at fault."""
    authority = Authority()
    ca, *_ = authority.files(tmp_path)
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with (
        open_emulator(public="socket.cometchat.io:443") as server,
        tls_front(authority.server(None), server.port) as front,
        http_proxy() as real,
    ):
        real.ports[443] = front
        server.world.port = 0
        found = await clinic.examine(region="us", uid="zed-1", ca_file=pathlib.Path(ca), proxy=real.url("http"))
    assert found.status == 5
    assert "CHAT_WSS_PORT" in found.failed["words"]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
async def test_a_patience_that_is_none(clinic: Any, seconds: float) -> None:
    """Refused, as are options without a place to go."""
    with pytest.raises(SettingsError, match="--timeout"):
        await clinic.examine(patience=seconds, region="us")
    with pytest.raises(SettingsError, match="--region"):
        await clinic.examine()


async def test_as_a_command(tmp_path: pathlib.Path) -> None:
    """The exit status is the command's; bad options are one line and status 1."""
    session = str(tmp_path / "session.json")
    async with open_emulator() as server:
        words = ("doctor", "--app-id", "APP", "--endpoint", server.url, "--uid", "zed-1", "--session", session)
        done = await run(*words, COMETCONN_AUTH_KEY="KEY")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"All is well." in done.stdout
        done = await run(*words, "--proxy", "http://me:s3cret@127.0.0.1:1")
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"COMETCONN_PROXY" in done.stderr
    assert b"s3cret" not in done.stderr


async def test_a_signal_ends_it(tmp_path: pathlib.Path) -> None:
    """Who does not want to wait need not; what was found by then is there."""
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


async def test_options_that_make_no_sense_are_told_first(clinic: Any) -> None:
    """Before anything is looked at."""
    with pytest.raises(SettingsError, match="--region"):
        await clinic.examine(endpoint=None)
    assert clinic.capture.readouterr().out == ""
