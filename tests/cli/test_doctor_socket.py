"""`cometconn doctor` on WebSockets that are not as they should be."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from cometconn.emulator import Emulator, open_emulator
from tests.conformance import servers
from tests.transport.raw_server import close, raw_server, text

WAIT = 0.5


async def examined(clinic: Any, server: Emulator) -> Any:
    """With a user, and not much patience."""
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    return await clinic.examine(endpoint=server.url, uid="zed-1", patience=WAIT)


@pytest.mark.parametrize(
    ("fault", "step", "words", "advice"),
    [
        ({"upgrade": 404}, "upgrade", "HTTP status 404", "knows no WebSocket here"),
        ({"upgrade": 503}, "upgrade", "HTTP status 503", "trouble of its own"),
        ({"upgrade": 429}, "upgrade", "HTTP status 429", "trouble of its own"),
        ({"upgrade": "hang"}, "upgrade", "no answer within 0.5 s", "does not let WebSockets through"),
        ({"auth": "refuse", "auth_close": 0}, "auth", "refused the auth token (code 401)", "Log in again"),
        ({"auth": "refuse", "auth_close": 4401}, "auth", "refused the auth token (code 401)", "Log in again"),
        ({"auth": "silent"}, "auth", "no answer within 0.5 s", "does not answer the token"),
        ({"pong": False}, "ping", "no answer within 0.5 s", "pings are not answered"),
    ],
)
async def test_a_server_that_is_not_well(clinic: Any, fault: Any, step: str, words: str, advice: str) -> None:
    """Each step fails as itself, within its time, and nothing behind it is tried; the new token is given back."""
    async with open_emulator() as server:
        server.set(**fault)
        found = await examined(clinic, server)
    assert (found.status, found.failed["step"]) == (5, step)
    assert words in found.failed["words"]
    assert advice in found.failed["advice"]
    assert found.course[-2:] == [f"{step} failed", "log out ok"]


@pytest.mark.parametrize(
    ("behind", "step", "words"),
    [
        (close(1013, "later"), "auth", "closed with code 1013"),
        (b"\xff\xff\xff", "auth", "broke the WebSocket protocol"),
        (b"", "auth", "without a WebSocket close frame"),
        (servers.PONG + servers.ACCEPTED + text("not json") + text('{"type": "x"}') + servers.PONG * 100, "", ""),
    ],
)
async def test_what_comes_instead_of_an_answer(clinic: Any, behind: bytes, step: str, words: str) -> None:
    """A close, garbage and an end are told; events, and more answers than questions, harm nobody."""

    async def script(stream: trio.SocketStream) -> None:
        visit = servers.Visit(1, stream, 0.01, "")
        await servers.upgrade(stream)
        await stream.receive_some(65536)
        await visit.say(behind)
        if not step:
            await visit.read()

    async with open_emulator() as server, raw_server(script) as url:
        clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        mixed = attrs.evolve(server.endpoints, socket_url=url)
        clinic.patch.setattr("cometconn.cli.options.Endpoints.at", lambda _: mixed)
        found = await clinic.examine(endpoint=server.url, uid="zed-1")
    if not step:
        assert found.status == 0
        return
    assert (found.status, found.failed["step"]) == (5, step)
    assert words in found.failed["words"]


async def test_a_socket_that_is_elsewhere(clinic: Any) -> None:
    """REST may be well where the WebSocket cannot be reached: it is told which of the two it is."""
    async with open_emulator() as server:
        clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        mixed = attrs.evolve(server.endpoints, socket_url="ws://127.0.0.1:1")
        clinic.patch.setattr("cometconn.cli.options.Endpoints.at", lambda _: mixed)
        found = await clinic.examine(endpoint=server.url, uid="zed-1")
    assert found.of("log in")["outcome"] == "ok"
    assert (found.status, found.failed["step"], found.failed["part"]) == (3, "TCP", "ws://127.0.0.1:1")
