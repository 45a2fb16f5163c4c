"""`cometconn serve`, as a child process."""

from __future__ import annotations

import json
import signal
import socket
from typing import Any

import httpx2
import pytest
import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.cli.serve import parse_groups, parse_port
from cometconn.errors import SettingsError
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
            log = (await control.get("/log")).json()["data"]  # nothing listens there
            assert {entry["trigger"] for entry in log if entry["kind"] == "webhook"} == {
                "user_connection_status_changed"
            }
            assert await child.stop(number) == 0
        await trio.testing.wait_all_tasks_blocked()
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


def test_the_smallest_and_the_largest_port() -> None:
    """Ports go from 0 to 65535."""
    assert (parse_port(0), parse_port(65535)) == (0, 65535)
    with pytest.raises(SettingsError, match="not -1"):
        parse_port(-1)


def test_group_words() -> None:
    """The value of --group is a guid and its members, separated by commas; each group may be there once."""
    assert parse_groups(("a=x,y", "b=z")) == {"a": ("x", "y"), "b": ("z",)}
    for bad in ("a", "a=", "=x", ""):
        with pytest.raises(SettingsError, match="--group"):
            parse_groups((bad,))
    with pytest.raises(SettingsError, match="--group"):
        parse_groups(("a=x", "a=y"))
