"""The web service, as uvicorn runs it."""

from __future__ import annotations

import os
import pathlib
import signal
import sys

import httpx2
import pytest
import trio

from cometconn.emulator import Kind, open_emulator
from tests.cli.child import running
from tests.docs.terminals import free_port

FOLDER = str(pathlib.Path(__file__).parent)


async def test_it_sends_and_shows_messages(tmp_path: pathlib.Path) -> None:
    """Messages arrive and are sent, errors have statuses of HTTP, and SIGTERM closes the connection properly."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    port = str(free_port())
    command = (sys.executable, "-m", "uvicorn", "--app-dir", FOLDER, "--port", port, "fastapi_service:app")
    home = {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    async with (
        open_emulator() as server,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        running(command=command, CHAT_SERVER=server.url, **home) as child,
    ):
        await child.wait_for_error_text("Uvicorn running")
        await server.wait_connected("amy-2")
        while not (await http.get("/health")).json()["connected"]:
            await trio.sleep(0.01)
        server.say("zed-1", "hello", receiver="amy-2")
        while (await http.get("/messages")).json() != ["Zed 1: hello"]:
            await trio.sleep(0.01)

        sent = await http.post("/messages", json={"to": "zed-1", "text": "hi"})
        assert (sent.status_code, sent.json()) == (200, {"id": 2})
        unknown = await http.post("/messages", json={"to": "nobody", "text": "hi"})
        assert unknown.status_code == 422
        server.set(rest=429, retry_after=7)
        limited = await http.post("/messages", json={"to": "zed-1", "text": "hi"})
        assert (limited.status_code, limited.headers["retry-after"]) == (503, "7")

        child.process.send_signal(signal.SIGTERM)
        await child.process.wait()
        assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)] == [1000]
