"""`cometconn doctor` against faulty WebSocket servers."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from cometconn.emulator import Emulator, open_emulator
from tests.conformance import servers
from tests.transport.raw_server import close, raw_server, text

WAIT = 0.5


async def diagnosis(doctor_runner: Any, server: Emulator) -> Any:
    """Run the doctor with a user and a short timeout."""
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    return await doctor_runner.diagnose(endpoint=server.url, uid="zed-1", patience=WAIT)


@pytest.mark.parametrize(
    ("fault", "step", "words", "advice"),
    [
        ({"upgrade": 404}, "upgrade", "HTTP status 404", "has no WebSocket at this URL"),
        ({"upgrade": 503}, "upgrade", "HTTP status 503", "a problem of its own"),
        ({"upgrade": 429}, "upgrade", "HTTP status 429", "a problem of its own"),
        ({"upgrade": "hang"}, "upgrade", "no reply within 0.5 s", "may block WebSockets"),
        ({"auth": "refuse", "auth_close": 0}, "auth", "refused the auth token (code 401)", "Log in again"),
        ({"auth": "refuse", "auth_close": 4401}, "auth", "refused the auth token (code 401)", "Log in again"),
        ({"auth": "silent"}, "auth", "no reply within 0.5 s", "does not reply to the auth frame"),
        ({"pong": False}, "ping", "no reply within 0.5 s", "no pong came"),
    ],
)
async def test_a_server_with_a_fault(doctor_runner: Any, fault: Any, step: str, words: str, advice: str) -> None:
    """The step with the fault fails within its time limit, later ones are not run, and the new token is deleted."""
    async with open_emulator() as server:
        server.set(**fault)
        found = await diagnosis(doctor_runner, server)
    assert (found.status, found.failed["step"]) == (5, step)
    assert words in found.failed["words"]
    assert advice in found.failed["advice"]
    assert found.outcomes[-2:] == [f"{step} failed", "log out ok"]


@pytest.mark.parametrize(
    ("behind", "step", "words"),
    [
        (close(1013, "later"), "auth", "closed with code 1013"),
        (b"\xff\xff\xff", "auth", "broke the WebSocket protocol"),
        (b"", "auth", "without a WebSocket close frame"),
        (servers.PONG + servers.ACCEPTED + text("not json") + text('{"type": "x"}') + servers.PONG * 100, "", ""),
    ],
)
async def test_other_frames_than_the_reply(doctor_runner: Any, behind: bytes, step: str, words: str) -> None:
    """A close frame, garbage and an end are reported; events, and more pongs than pings, are ignored."""

    async def script(stream: trio.SocketStream) -> None:
        visit = servers.Visit(1, stream, 0.01, "")
        await servers.upgrade(stream)
        await stream.receive_some(65536)
        await visit.say(behind)
        if not step:
            await visit.read()

    async with open_emulator() as server, raw_server(script) as url:
        doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        mixed = attrs.evolve(server.endpoints, socket_url=url)
        doctor_runner.patch.setattr("cometconn.cli.options.Endpoints.at", lambda _: mixed)
        found = await doctor_runner.diagnose(endpoint=server.url, uid="zed-1")
    if not step:
        assert found.status == 0
        return
    assert (found.status, found.failed["step"]) == (5, step)
    assert words in found.failed["words"]


async def test_a_websocket_at_another_address(doctor_runner: Any) -> None:
    """If only the WebSocket's host cannot be reached, the failure is in its part."""
    async with open_emulator() as server:
        doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        mixed = attrs.evolve(server.endpoints, socket_url="ws://127.0.0.1:1")
        doctor_runner.patch.setattr("cometconn.cli.options.Endpoints.at", lambda _: mixed)
        found = await doctor_runner.diagnose(endpoint=server.url, uid="zed-1")
    assert found.of("log in")["outcome"] == "ok"
    assert (found.status, found.failed["step"], found.failed["part"]) == (3, "TCP", "ws://127.0.0.1:1")
