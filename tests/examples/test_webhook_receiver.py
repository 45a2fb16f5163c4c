"""The receiver of webhooks beside a client, run as a user would run it."""

from __future__ import annotations

import os
import pathlib
import signal
import sqlite3
import sys

import httpx2
import pytest

from cometconn.emulator import Kind, open_emulator

from ..cli.child import running
from ..docs.terminals import free_port

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "how-to" / "webhooks.md"


def test_the_page_shows_it() -> None:
    """What is shown is what is run here."""
    assert "{literalinclude} ../../tests/examples/webhook_receiver.py\n" in PAGE.read_text(encoding="utf-8")


async def test_each_message_is_kept_once(tmp_path: pathlib.Path) -> None:
    """Messages of all users come by webhook, the user's own also over the socket; each is kept once, from either way."""
    pytest.importorskip("uvicorn")
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/webhooks"
    users = ("zed-1", "amy-2", "bob-3")
    async with open_emulator(users=users, groups={}, webhook=url, webhook_auth="hook:secret") as server:
        uvicorn = f"{sys.executable} -m uvicorn --app-dir {HERE} --port {port} --no-access-log webhook_receiver:app"
        command = ("sh", "-c", f"cd {tmp_path} && exec {uvicorn}")
        variables = {"CHAT_SERVER": server.url, "WEBHOOK_AUTH": "hook:secret", "HOME": str(tmp_path)}
        variables |= {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        async with running(command=command, **variables) as child, httpx2.AsyncClient() as http:
            await child.wait_for_error_text("Uvicorn running")
            await server.wait_connected("amy-2")
            server.say("zed-1", "to Amy", receiver="amy-2")
            assert (await child.line()).startswith("zed-1: to Amy (from the ")
            server.say("zed-1", "to Bob", receiver="bob-3")
            assert await child.line() == "zed-1: to Bob (from the webhook)"

            body = {"trigger": "message_sent", "data": {"message": {"id": "77", "sender": "bob-3", "type": "text"}}}
            body["data"]["message"]["data"] = {"text": "by hand"}
            for auth, status in ((None, 401), (("hook", "wrong"), 401), (("hook", "secret"), 204)):
                assert (await http.post(url, json=body, auth=auth)).status_code == status
            assert await child.line() == "bob-3: by hand (from the webhook)"
            assert (await http.post(url, json=body, auth=("hook", "secret"))).status_code == 204  # a retry
            for content, status in (
                (b"{", 400),
                (b'"\xff"', 400),
                (b"[]", 204),
                (b'{"trigger": "user_mentioned"}', 204),
            ):
                assert (await http.post(url, content=content, auth=("hook", "secret"))).status_code == status

            since = server.log.position
            server.drop("amy-2", "reset")
            server.say("zed-1", "while away", receiver="amy-2")
            assert await child.line() == "zed-1: while away (from the webhook)"
            await server.log.wait_for(lambda entry: entry.detail.get("path", "").endswith("/messages"), since=since)
            server.say("bob-3", "the last", receiver="amy-2")
            assert (await child.line()).startswith("bob-3: the last (from the ")
            await child.stop(signal.SIGTERM)
            await server.wait_gone("amy-2")
            assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)] == [1000]
            assert child.process.stdout is not None
            assert [line async for line in child.process.stdout] == []  # nothing came twice
            kept = sqlite3.connect(tmp_path / "archive.sqlite").execute("SELECT text FROM messages ORDER BY id")
            assert [text for (text,) in kept] == ["to Amy", "to Bob", "while away", "the last", "by hand"]
