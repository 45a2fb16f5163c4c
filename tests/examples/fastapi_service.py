"""A web service with one chat client: it sends messages, and shows the latest ones that came."""

import asyncio
import collections
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from cometconn import AppSettings, ConnectionState, Endpoints, aio
from cometconn.errors import ApiError
from cometconn.events import TextMessage

SERVER = os.environ.get("CHAT_SERVER", "http://127.0.0.1:9000")
latest = collections.deque[str](maxlen=100)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    server = Endpoints.at(SERVER)  # leave it out for CometChat's cloud
    async with aio.open_client("APP", AppSettings(region="us"), endpoints=server) as chat:
        await chat.login(uid="amy-2", auth_key="KEY")
        app.state.chat = chat
        reader = asyncio.create_task(read(chat))
        yield
        reader.cancel()  # leaving the block closes the connection


async def read(chat: aio.CometChat) -> None:
    async with chat.events(TextMessage, markers=False) as messages:
        async for message in messages:
            latest.append(f"{message.sender.name}: {message.text}")


app = FastAPI(lifespan=lifespan)


class Outgoing(BaseModel):
    """The body of a POST."""

    to: str
    text: str


@app.post("/messages")
async def send(outgoing: Outgoing) -> dict[str, int]:
    chat: aio.CometChat = app.state.chat
    try:
        sent = await chat.send_text(outgoing.to, outgoing.text)
    except ApiError as error:
        headers = {"Retry-After": f"{error.retry_after or 5:.0f}"} if error.worth_retrying else None
        raise HTTPException(503 if error.worth_retrying else 422, error.message, headers) from error
    return {"id": sent.id}


@app.get("/messages")
async def show() -> list[str]:
    return list(latest)


@app.get("/health")
async def health() -> dict[str, bool]:
    chat: aio.CometChat = app.state.chat
    return {"connected": chat.status.state is ConnectionState.CONNECTED}
