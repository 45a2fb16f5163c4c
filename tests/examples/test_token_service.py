"""The service that hands out tokens, as uvicorn runs it, and a bot that gets its token there."""

from __future__ import annotations

import os
import pathlib
import signal
import sys

import httpx2
import pytest
import trio

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import open_emulator
from cometconn.events import TextMessage
from tests.cli.child import running
from tests.docs.terminals import free_port

FOLDER = pathlib.Path(__file__).parent


async def test_a_bot_gets_its_token(tmp_path: pathlib.Path) -> None:
    """The service creates the user and the token; without the secret there is none; after a revocation the bot gets another."""
    pytest.importorskip("uvicorn")
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    service = (sys.executable, "-m", "uvicorn", "--app-dir", str(FOLDER), "--port", port, "token_service:app")
    # The bot saves its session in its folder, where a second run finds it.
    bot = (
        sys.executable,
        "-c",
        f"import os, runpy; os.chdir({str(tmp_path)!r}); runpy.run_path({str(FOLDER / 'token_bot.py')!r})",
    )
    variables = {"WEATHER_SECRET": "drizzle", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    async with (
        open_emulator() as server,
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as amy,
        amy.events(TextMessage, markers=False) as answers,
        running(command=service, CHAT_SERVER=server.url, COMETCONN_API_KEY="REST-KEY", **variables) as child,
    ):
        await amy.login(uid="amy-2", auth_key="KEY")
        await amy.connect()
        await child.wait_for_error_text("Uvicorn running")
        async with httpx2.AsyncClient(headers={"Authorization": "Bearer hail"}) as http:
            assert (await http.post(f"{url}/token")).status_code == 401
        assert "weather" not in server.world.people

        async with running(command=bot, CHAT_SERVER=server.url, TOKEN_SERVICE=url, **variables) as weather:
            while "weather" not in server.world.people:
                await trio.sleep(0.02)
            await server.wait_connected("weather")
            await amy.send_text("weather", "How is it?")
            assert (await anext(answers)).text == "It rains."
            tokens = server.world.sessions.tokens_of("weather")
            async with httpx2.AsyncClient(headers={"Authorization": "Bearer drizzle"}) as http:
                for token in tokens:
                    revoked = await http.request("DELETE", f"{url}/token", json={"token": token})
                    assert revoked.status_code == 204
            await amy.send_text("weather", "And now?")
            assert (await anext(answers)).text == "It rains."
            assert not set(tokens) & set(server.world.sessions.tokens_of("weather"))
            assert (await weather.line()).endswith("How is it?")
            assert await weather.stop(signal.SIGINT) in {130, -signal.SIGINT}
        child.process.send_signal(signal.SIGTERM)
        await child.process.wait()
        for secret in ("REST-KEY", *tokens):
            assert secret.encode() not in child.errors + weather.errors
