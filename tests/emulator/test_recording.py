"""`cometconn.emulator.recording`: what the server records is what `open_replay()` replays."""

from __future__ import annotations

import json
import pathlib

import httpx2
import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import Emulator, open_emulator, recording
from cometconn.emulator.recording import Recording
from cometconn.environment import Request, Response
from cometconn.events import TextMessage
from cometconn.settings import Endpoints
from cometconn.testing import open_replay


async def session(
    endpoints: Endpoints, environment: cometconn.Environment | None, server: Emulator | None = None
) -> str:
    """Log in, connect, read one message and answer it in capitals."""
    async with cometconn.open_client(
        "APP", AppSettings(), store=MemoryStore(), endpoints=endpoints, environment=environment
    ) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        async with chat.events(TextMessage, markers=False) as messages:
            if server is not None:
                server.say("amy-2", "hello", receiver="zed-1")
            message = await anext(messages)
            await chat.send_text(message, message.text.upper())
            return message.text


def test_a_session_is_recorded_and_replayed(tmp_path: pathlib.Path) -> None:
    """Over HTTP: record, let a bot do its work, download its transcript, and replay it in virtual time without a server."""
    path = tmp_path / "zed-1.jsonl"

    async def recorded() -> set[str]:
        async with open_emulator(control=True) as server, httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
            assert (await http.post("/control/record")).json()["data"] == {"on": True, "lines": 0, "full": False}
            assert await session(server.endpoints, None, server) == "hello"
            await server.wait_gone("zed-1")
            stopped = (await http.post("/control/record", json={"on": False})).json()["data"]
            assert (stopped["on"], stopped["full"]) == (False, False)
            server.say("zed-1", "not recorded", receiver="amy-2")
            answer = await http.get("/control/transcript?uid=zed-1")
            assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''zed-1.jsonl"
            path.write_bytes(answer.content)
            assert len((await http.get("/control/transcript?uid=amy-2")).text.splitlines()) == 1
            return set(server.world.sessions.values())

    async def replayed() -> None:
        async with open_replay(path) as replay:
            assert await session(replay.endpoints, replay) == "hello"
            assert not replay.unplayed

    secrets = trio.run(recorded)
    text = path.read_text(encoding="utf-8")
    assert secrets
    assert not any(secret in text for secret in (*secrets, "REST-KEY"))
    assert '"HELLO"' in text
    assert "not recorded" not in text
    trio.run(replayed, clock=MockClock(autojump_threshold=0))


def lines_of(kept: Recording, uid: str) -> list[tuple[str, int]]:
    """Return what the lines of a user are, and their numbers."""
    lines = [json.loads(line) for line in kept.transcript(uid).splitlines()]
    return [(line["what"], line["number"]) for line in lines]


def test_each_user_has_its_own_transcript() -> None:
    """A connection is the user's that its frames name, from its dial on; one from before the recording is left out."""
    kept = Recording(lambda: 7.5)
    kept.framed(1, "zed-1", "client", '{"type": "message"}')
    for number, uid in ((2, "zed-1"), (3, "amy-2")):
        kept.dialled(number)
        kept.upgraded(number, 101)
        kept.framed(number, uid, "client", "no JSON")
        kept.closed(number, "server", 1011)
        kept.ended(number, "client", "eof")
    request = Request("GET", "http://127.0.0.1:1/v3.0/me?x=1", {"authtoken": "a-secret-that-is-long"}, None)
    kept.exchanged(request, Response(200, {"date": "now"}, b'{"data": "a-secret-that-is-long"}'), "zed-1", 2.0)
    connection = [("dial", 2), ("dialled", 2), ("upgrade", 2), ("client", 2), ("server_close", 2), ("client_end", 2)]
    assert lines_of(kept, "zed-1") == [("begin", 0), *connection, ("request", 1), ("answer", 1)]
    assert [number for _, number in lines_of(kept, "amy-2")] == [0, 3, 3, 3, 3, 3, 3]
    answer = json.loads(kept.transcript("zed-1").splitlines()[-1])
    assert (answer["at"], answer["headers"], answer["body"]) == (2.0, {}, {"data": "authToken-1"})


@pytest.mark.parametrize(("limit", "value"), [("LINE_LIMIT", 3), ("TEXT_LIMIT", 200)])
def test_a_recording_has_an_end(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """At its limit it is full, and holds the session up to there."""
    monkeypatch.setattr(recording, limit, value)
    kept = Recording(lambda: 0.0)
    for number in range(1, 50):
        kept.dialled(number)
        kept.framed(number, "zed-1", "client", "{}")
    assert kept.full
    assert 3 <= len(kept) <= 5
