"""Keeps each text message once, whether a webhook or the socket brings it first."""

import asyncio
import base64
import os
import secrets
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cometconn import AppSettings, Endpoints, aio
from cometconn.events import TextMessage

SERVER = os.environ.get("CHAT_SERVER", "http://127.0.0.1:9000")
CREDENTIALS = os.environ["WEBHOOK_AUTH"]  # USER:PASSWORD, as in CometChat's dashboard


class Archive:
    """The messages in a file. Their id is the key, so the second copy of a message changes nothing."""

    def __init__(self, path: str) -> None:
        self.file = sqlite3.connect(path, isolation_level=None)
        self.file.execute("CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, sender TEXT, text TEXT)")

    def keep(self, number: int, sender: str, text: str, source: str) -> None:
        added = self.file.execute("INSERT OR IGNORE INTO messages VALUES (?, ?, ?)", (number, sender, text))
        if added.rowcount == 1:
            print(f"{sender}: {text} (from the {source})", flush=True)


async def read_socket(chat: aio.CometChat, archive: Archive) -> None:
    async with chat.events(TextMessage, markers=False) as messages:
        async for message in messages:
            archive.keep(message.id, message.sender.uid, message.text, "socket")


async def receive(request: Request) -> Response:
    """Take a webhook. The status tells CometChat whether to send it again."""
    expected = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()
    if not secrets.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
        return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="webhooks"'})
    try:
        match await request.json():
            case {
                "trigger": "message_sent",
                "data": {"message": {"id": number, "sender": str(sender), "data": {"text": str(text)}, "type": "text"}},
            }:
                request.app.state.archive.keep(int(number), sender, text, "webhook")
            case _:
                pass  # another trigger
    except (TypeError, ValueError):  # no JSON, or no id
        return Response(status_code=400)
    return Response(status_code=204)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
    server = Endpoints.at(SERVER)  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    app.state.archive = archive = Archive("archive.sqlite")
    async with aio.open_client("APP", settings, endpoints=server) as chat:
        await chat.login(uid="amy-2", auth_key="KEY")
        reader = asyncio.create_task(read_socket(chat, archive))
        yield
        reader.cancel()  # leaving the block closes the connection


app = Starlette(routes=[Route("/webhooks", receive, methods=["POST"])], lifespan=lifespan)
