"""`cometconn.emulator.control_api`: the controls over HTTP, and what is refused."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import trio

from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.emulator.transport.asgi_app import CONTROL_BODY_LIMIT
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .conftest import Join


@pytest.fixture
async def controlled() -> AsyncIterator[Emulator]:
    """Run an emulator with the control API."""
    async with open_emulator(control=True) as emulator:
        yield emulator


@pytest.fixture
async def control(controlled: Emulator) -> AsyncIterator[httpx2.AsyncClient]:
    """Return an HTTP client of the control API."""
    async with httpx2.AsyncClient(base_url=f"{controlled.url}/control", timeout=20) as client:
        yield client


async def test_a_frame_is_pushed_as_it_is(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """The body goes to every socket of the user; the answer has their number."""
    with trio.fail_after(20):
        async with join(controlled, "zed-1", "a") as one, join(controlled, "zed-1", "b") as two:
            answer = await control.post("/push?uid=zed-1", content='{"type": "new",  "x": 1}')
            assert answer.json() == {"data": {"sockets": 2}}
            assert await one.receive() == await two.receive() == {"type": "new", "x": 1}
            await control.post("/push?uid=zed-1", content=" not json ")
            assert await one.websocket.get_message() == " not json "


async def test_a_message_is_sent(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """To a user or to a group; the answer is the message."""
    with trio.fail_after(20):
        async with join(controlled, "zed-1") as zed:
            sent = await control.post("/message", json={"sender": "amy-2", "receiver": "zed-1", "text": "hello"})
            assert sent.json()["data"]["data"]["text"] == "hello"
            assert (await zed.receive())["body"]["id"] == sent.json()["data"]["id"]
            await control.post("/message", json={"sender": "amy-2", "group": "hikers", "text": "all"})
            assert (await zed.receive())["body"]["receiver"] == "hikers"


@pytest.mark.parametrize(
    ("words", "kind", "detail"),
    [
        ("", Kind.CLOSE_OUT, {"code": 1011}),
        ("&how=close&code=4000", Kind.CLOSE_OUT, {"code": 4000}),
        ("&how=reset", Kind.RESET, {"by": "server"}),
    ],
)
async def test_connections_are_dropped(
    controlled: Emulator, control: httpx2.AsyncClient, join: Join, words: str, kind: Kind, detail: dict[str, Any]
) -> None:
    """By a close frame with a code, or by a TCP reset."""
    with trio.fail_after(20):
        async with join(controlled, "zed-1"):
            assert (await control.post(f"/drop?uid=zed-1{words}")).json() == {"data": {"sockets": 1}}
            entry = await controlled.log.wait_for(lambda entry: entry.kind is kind)
            assert dict(entry.detail) == detail
            await controlled.wait_gone("zed-1")


async def test_a_connection_goes_half_open(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """With `silent` the connection stays, and nothing is answered."""
    with trio.fail_after(20):
        async with join(controlled, "zed-1") as zed:
            await control.post("/drop?uid=zed-1&how=silent")
            await zed.send({"action": "ping"})
            assert controlled.connections("zed-1") == 1
            with trio.move_on_after(0.05) as waited:
                await zed.receive()
            assert waited.cancelled_caught
            controlled.drop("zed-1", "reset")


async def test_faults_are_set_and_returned(controlled: Emulator, control: httpx2.AsyncClient) -> None:
    """The faults in the body change, the others stay; the answer shows all."""
    answer = await control.post("/set", json={"pong": False, "upgrade": 503, "auth": "silent"})
    assert answer.json()["data"] == {
        "pong": False,
        "auth": "silent",
        "auth_close": 4401,
        "upgrade": 503,
        "rest": "accept",
        "rest_times": None,
        "rest_limit": None,
        "rest_window": 60.0,
        "rest_delay": 0.0,
        "retry_after": None,
        "retry_after_as": "seconds",
        "presigned": True,
        "upload": "accept",
        "download": "accept",
        "secured_media": False,
        "date": True,
        "mode": "DEFAULT",
    }
    await control.post("/set", json={"upgrade": "hang"})
    assert controlled.world.faults.upgrade == "hang"
    assert not controlled.world.faults.pong


async def test_the_mode_is_in_the_settings_of_the_next_login(controlled: Emulator, control: httpx2.AsyncClient) -> None:
    """Programs in other languages can set it, too, and `PUT /me` and `GET /settings` then agree."""
    assert (await control.post("/set", json={"mode": "LIMITED_TRANSIENT"})).json()["data"][
        "mode"
    ] == "LIMITED_TRANSIENT"
    headers = {"authtoken": controlled.world.sessions.issue_token("zed-1")}
    api = f"{controlled.url}/v3.0"
    me = (await control.put(f"{api}/me", headers=headers)).json()["data"]["settings"]
    settings = (await control.get(f"{api}/settings", headers=headers)).json()["data"]
    assert (me["MODE"], settings["MODE"]) == ("LIMITED_TRANSIENT", "LIMITED_TRANSIENT")


async def test_the_log_is_json(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """It has every connection, frame and close, with times and without secrets; from a number on with `since`."""
    with trio.fail_after(20):
        async with join(controlled, "zed-1"):
            controlled.say("amy-2", "hello", receiver="zed-1")
            await controlled.log.wait_for(lambda entry: "hello" in str(entry.detail))
        await controlled.wait_gone("zed-1")
        entries = (await control.get("/log")).json()["data"]
        kinds = [entry["kind"] for entry in entries]
        for kind in ("connect", "upgrade", "frame_in", "auth", "frame_out", "close_in", "gone"):
            assert kind in kinds
        assert all(isinstance(entry["at"], float) for entry in entries)
        assert not any(secret in json.dumps(entries) for secret in controlled.world.sessions.values())
        later = (await control.get(f"/log?since={entries[3]['number']}")).json()["data"]
        assert later[0]["number"] == entries[3]["number"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("POST", "/push", b"{}", 400, "uid"),
        ("POST", "/push?uid=nobody", b"{}", 400, "nobody"),
        ("POST", "/push?uid=zed-1", b"\xff", 400, "UTF-8"),
        ("POST", "/message", b"", 400, "JSON object"),
        ("POST", "/message", b'{"sender": "amy-2"}', 400, "sender, text"),
        ("POST", "/message", b'{"sender": "amy-2", "receiver": "zed-1", "text": 3}', 400, "text"),
        ("POST", "/message", b'{"sender": "amy-2", "to": "zed-1", "text": "x"}', 400, "to"),
        (
            "POST",
            "/message",
            b'{"sender": "amy-2", "receiver": "a", "group": "b", "text": "x"}',
            400,
            "There must be a receiver or a group, and not both.",
        ),
        (
            "POST",
            "/message",
            b'{"sender": "amy-2", "group": "nowhere", "text": "x"}',
            400,
            "no group 'nowhere' that amy-2 reaches.",
        ),
        ("POST", "/receipt", b'{"uid": "zed-1", "message": 99999999}', 400, "zed-1 has no message 99999999."),
        ("POST", "/typing", b'{"sender": "zed-1", "receiver": "nobody"}', 400, "no user 'nobody' that zed-1 reaches."),
        ("GET", "/conversation?sender=zed-1", b"", 400, "There must be a receiver or a group, and not both."),
        ("POST", "/drop", b"", 400, "uid"),
        ("POST", "/drop?uid=zed-1&how=gently", b"", 400, "gently"),
        ("POST", "/drop?uid=zed-1&code=x", b"", 400, "code"),
        ("POST", "/drop?uid=zed-1&code=1006", b"", 400, "The close code must"),
        ("POST", "/drop?uid=zed-1&when=now", b"", 400, "when"),
        ("POST", "/drop?uid=zed-1", b"{}", 400, "drop takes its parameters in the URL, as ?uid=..., and no body."),
        ("POST", "/heal", b"{}", 400, "heal takes no parameters and no body."),
        ("POST", "/set", b"[]", 400, "JSON object"),
        ("POST", "/set", b'{"pong": "yes"}', 400, "pong"),
        ("POST", "/set", b'{"upgrade": 200}', 400, "upgrade"),
        ("POST", "/set", b'{"auth": null}', 400, "null"),
        ("POST", "/set", b'{"speed": 3}', 400, "speed"),
        ("GET", "/log?since=x", b"", 400, "since"),
        ("GET", "/push?uid=zed-1", b"", 405, "POST"),
        ("POST", "/nothing", b"", 404, "push"),
    ],
)
async def test_bad_control_input(
    control: httpx2.AsyncClient, controlled: Emulator, method: str, path: str, body: bytes, status: int, named: str
) -> None:
    """It is answered with a 4xx and a message about what is wrong, and changes nothing."""
    before = controlled.world.faults
    answer = await control.request(method, path, content=body)
    assert answer.status_code == status
    assert named in answer.json()["error"]["message"]
    assert "()" not in answer.json()["error"]["message"]
    assert controlled.world.faults == before
    assert not controlled.log.of(Kind.CONTROL)


async def test_the_path_of_the_controls_returns_the_list_of_them(
    controlled: Emulator, control: httpx2.AsyncClient
) -> None:
    """With and without the last slash, for GET only; and only where there are controls."""
    listed = (await control.get("/controls")).json()
    for path in ("/control", "/control/"):
        assert (await control.get(f"{controlled.url}{path}")).json() == listed
        assert (await control.post(f"{controlled.url}{path}")).status_code == 405
    async with open_emulator() as plain:
        assert (await control.get(f"{plain.url}/control")).status_code == 404


OWN = "http://127.0.0.2:9000"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example:9000"}, "ERR_NOT_LOCAL"),
        ({"host": "evil.example:9000", "origin": "http://evil.example:9000"}, "ERR_NOT_LOCAL"),
        ({"origin": "https://evil.example"}, "ERR_FOREIGN_ORIGIN"),
        ({"origin": "null"}, "ERR_FOREIGN_ORIGIN"),
        ({"origin": "http://localhost:3000"}, "ERR_FOREIGN_ORIGIN"),
        ({"origin": "http://127.0.0.2"}, "ERR_FOREIGN_ORIGIN"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, "ERR_FOREIGN_ORIGIN"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "ERR_FOREIGN_ORIGIN"),
        ({"sec-fetch-site": "same-site", "origin": OWN}, "ERR_FOREIGN_ORIGIN"),
        ({}, None),
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, None),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, None),
    ],
)
async def test_web_pages_of_other_origins_are_refused(
    control: httpx2.AsyncClient, headers: dict[str, str], code: str | None
) -> None:
    """A browser on this machine reaches the port, so its pages are refused, but for the server's own. Programs are not."""
    for path in ("/log", "/events"):
        async with control.stream("GET", path, headers={"host": "127.0.0.2:9000", **headers}) as answer:
            assert answer.status_code == (200 if code is None else 403)
            if code is not None:
                await answer.aread()
                assert answer.json()["error"]["code"] == code
            assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/control/log", "/control/state", "/control/none", "/control", "/", "/page/js/main.js"]
)
async def test_no_other_origin_may_read_the_controls_and_the_page(controlled: Emulator, path: str) -> None:
    """A preflight is refused, and no response allows a page of another origin to read it; a link may open the page."""
    async with httpx2.AsyncClient(base_url=controlled.url) as client:
        preflight = {"origin": "http://app.example", "access-control-request-method": "POST"}
        answers = [await client.options(path, headers=preflight)]
        answers += [await client.get(path, headers=each) for each in ({}, {"origin": "http://app.example"})]
        linked = await client.get(path, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert [answer.status_code for answer in answers] == [403, 404 if path.endswith("none") else 200, 403]
    assert linked.status_code == (200 if path == "/" else 403)
    for answer in [*answers, linked]:
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_port_that_was_taken_is_named(controlled: Emulator, control: httpx2.AsyncClient) -> None:
    """The server cannot listen again while another process does; the response has the reason."""
    await control.post("/refuse", json={"seconds": 600})
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", controlled.port))
        taken.listen()
        for name in ("accept", "heal"):
            answer = await control.post(f"/{name}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ERR_CANNOT_LISTEN")
            assert "cannot listen on 127.0.0.1" in answer.json()["error"]["message"]
    assert (await control.post("/accept")).status_code == 200


async def test_a_body_that_is_too_long_is_refused(
    controlled: Emulator, control: httpx2.AsyncClient, join: Join
) -> None:
    """Nothing of it is pushed."""
    with trio.fail_after(20):
        async with join(controlled, "zed-1") as zed:
            answer = await control.post("/push?uid=zed-1", content=b" " * (CONTROL_BODY_LIMIT + 1))
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "ERR_PAYLOAD_TOO_LARGE")
            controlled.push("zed-1", {"type": "next"})
            assert (await zed.receive())["type"] == "next"


async def test_without_control_there_is_nothing_there(server: Emulator) -> None:
    """The control API is there only with `control=True`, and never for other machines."""
    async with httpx2.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/control/log")).status_code == 404
    with pytest.raises(SettingsError, match="loopback"):
        async with open_emulator(host="0.0.0.0", allow_remote=True, control=True):
            raise AssertionError


async def test_browsers_may_call_it(server: Emulator) -> None:
    """A preflight allows every header of the official clients, and every page may read the answers."""
    wanted = "apikey,appid,authtoken,authorization,resource,sdk,settingshash,settingshashreceivedat,content-type"
    async with httpx2.AsyncClient(base_url=server.url) as client:
        preflight = {
            "origin": "http://app.example",
            "access-control-request-method": "PUT",
            "access-control-request-headers": wanted,
        }
        answer = await client.options("/v3.0/me", headers=preflight)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert set(wanted.split(",")) <= {
            name.strip() for name in answer.headers["access-control-allow-headers"].split(",")
        }
        assert "PUT" in answer.headers["access-control-allow-methods"]
        refused = await client.get("/v3.0/me", headers={"origin": "http://app.example"})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "*"
