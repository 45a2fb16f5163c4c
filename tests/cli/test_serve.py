"""`cometconn serve`, as a child process."""

from __future__ import annotations

import json
import pathlib
import signal
import socket
import ssl
from typing import Any

import httpx2
import pytest

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.events import TextMessage

from .child import run, running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_a_signal(number: Any) -> None:
    """After one line of JSON a client logs in and gets a message sent by /control; a signal ends the server with status 0."""
    words = ("--port", "0", "--user", "zed-1", "--user", "amy-2", "--group", "hikers=zed-1,amy-2", "--control")
    words += ("--webhook", "http://127.0.0.1:1/", "--webhook-auth", "me:MY-SECRET", "--api-key", "MY-REST-KEY")
    async with running("serve", *words, "--app-id", "MY-APP", "--auth-key", "MY-KEY") as child:
        ready = json.loads(await child.line())
        url = ready["url"]
        assert url.startswith("http://127.0.0.1:")
        assert (ready["app_id"], ready["users"]) == ("MY-APP", ["zed-1", "amy-2"])
        assert ready["groups"] == {"hikers": ["zed-1", "amy-2"]}
        assert "MY-KEY" not in json.dumps(ready)
        async with (
            cometconn.open_client("MY-APP", AppSettings(), store=MemoryStore(), endpoints=Endpoints.at(url)) as chat,
            httpx2.AsyncClient(base_url=ready["control"]) as control,
        ):
            await chat.login(uid="zed-1", auth_key="MY-KEY")
            await chat.connect()
            async with chat.events(TextMessage) as events:
                response = await control.post("/message", json={"sender": "amy-2", "group": "hikers", "text": "hello"})
                assert response.status_code == 200
                event = await anext(events)
                assert isinstance(event, TextMessage)
                assert event.text == "hello"
            key = {"apiKey": "MY-REST-KEY"}
            tokens = (await control.get(f"{url}/v3.0/users/zed-1/auth_tokens", headers=key)).json()["data"]
            assert [token["uid"] for token in tokens] == ["zed-1"]
            triggers: set[str] = set()
            while not triggers:  # nothing listens there, which the server sees a moment later
                log = (await control.get("/log")).json()["data"]
                triggers = {entry["trigger"] for entry in log if entry["kind"] == "webhook"}
            assert triggers == {"user_connection_status_changed"}
            assert await child.stop(number) == 0
        assert child.errors == b""


async def test_another_address_can_be_advertised() -> None:
    """The settings contain the address of the proxy; the line of JSON contains that of the server itself."""
    async with running("serve", "--port", "0", "--public", "localhost:9443") as child:
        ready = json.loads(await child.line())
        assert ready["url"].startswith("http://127.0.0.1:")
        async with httpx2.AsyncClient() as client:
            settings = (await client.get(f"{ready['rest']}/settings")).json()["data"]
        assert (settings["CLIENT_API_HOST"], settings["CHAT_WSS_PORT"]) == ("localhost:9443", "9443")
        await child.stop(signal.SIGTERM)


async def test_tls_prints_what_clients_need(tmp_path: pathlib.Path) -> None:
    """The line of JSON has the file to trust and the fingerprint; the folder keeps both, and --public is in the settings."""
    words = ("--port", "0", "--tls-folder", str(tmp_path / "tls"), "--public", "chat.test")
    async with running("serve", *words) as child:
        ready = json.loads(await child.line())
        assert ready["ca_file"] == str(tmp_path / "tls" / "ca.pem")
        context = ssl.create_default_context(cafile=ready["ca_file"])
        async with httpx2.AsyncClient(verify=context) as client:
            settings = (await client.get(f"{ready['rest']}/settings")).json()["data"]
        assert (settings["CHAT_HOST"], settings["CHAT_WSS_PORT"]) == ("chat.test", ready["url"].rpartition(":")[2])
        await child.stop(signal.SIGTERM)
        errors = child.errors.decode()
        assert ready["fingerprint"] in errors
        assert f"--endpoint {ready['url']}/v3.0 --ca-file {ready['ca_file']}" in errors


async def test_without_control_there_is_none() -> None:
    """Without --control there is no /control; without --user and --group there are zed-1, amy-2 and hikers."""
    async with running("serve", "--port", "0") as child:
        ready = json.loads(await child.line())
        assert ready["control"] is None
        assert ready["groups"] == {"hikers": ["zed-1", "amy-2"]}
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"{ready['url']}/control/log")).status_code == 404
        await child.stop(signal.SIGTERM)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--host", "10.0.0.1"), "cometconn: --host: 10.0.0.1 is not loopback"),
        (("--host", "nowhere.example"), "nowhere.example"),
        (("--group", "hikers"), "--group"),
        (("--group", "hikers=nobody"), "nobody"),
        (("--user", "a", "--user", "a"), "'a'"),
        (("--public", "localhost"), "--public must look like chat.example:443"),
        (("--users", "100001"), "--users must be from 0 to 100000, not 100001"),
        (("--messages", "0"), "--messages must be a whole number from 1 to"),
        (("--webhook", "http://localhost", "--webhook-auth", "s3cret"), "--webhook-auth must look like USER:PASSWORD"),
    ],
)
async def test_bad_input_is_one_line(words: tuple[str, ...], message: str) -> None:
    """The error of an invalid option is one line, with status 1 and no traceback."""
    done = await run("serve", "--port", "0", *words)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("cometconn: ")
    assert message in line
    assert "=True" not in line
    assert "s3cret" not in line


async def test_a_port_in_use() -> None:
    """The error of a port in use is one line that names the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = await run("serve", "--port", port)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert port in line


@pytest.mark.parametrize("command", ["serve", "demo"])
async def test_an_invalid_port(command: str) -> None:
    """The error of an invalid port is one line that names the option, with status 1."""
    done = await run(command, "--port", "65536")
    assert (done.returncode, done.stderr) == (1, b"cometconn: --port must be from 0 to 65535, not 65536.\n")
