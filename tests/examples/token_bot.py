"""A bot that has no key of the app: the service gives it a token, and a new one after that was revoked."""

import os

import httpx2
import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints
from cometconn.errors import CometConnError
from cometconn.events import TextMessage

SERVER = os.environ.get("CHAT_SERVER", "http://127.0.0.1:9000")
SERVICE = os.environ.get("TOKEN_SERVICE", "http://127.0.0.1:8000")  # https in earnest: tokens are secret


async def fetch_token() -> str:
    secret = {"Authorization": f"Bearer {os.environ['WEATHER_SECRET']}"}
    while True:
        async with httpx2.AsyncClient() as http:
            answer = await http.post(f"{SERVICE}/token", headers=secret)
        if answer.status_code != 503:
            token: str = answer.raise_for_status().json()["token"]
            return token
        await trio.sleep(float(answer.headers["Retry-After"]))


async def main() -> None:
    server = Endpoints.at(SERVER)  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    async with cometconn.open_client("APP", settings, store="weather.json", endpoints=server) as chat:
        while True:
            if chat.get_logged_in_user() is None:  # otherwise the saved session has a token
                await chat.login(auth_token=await fetch_token())
            try:
                await answer(chat)
            except CometConnError as error:
                if chat.get_logged_in_user() is not None:
                    raise  # it is not the token
                print(f"The bot gets another token: {error}", flush=True)


async def answer(chat: CometChat) -> None:
    async with chat.events(TextMessage, markers=False, on_logout="raise") as messages:
        async for message in messages:
            if message.sender.uid != "weather":
                print(f"{message.sender.name}: {message.text}", flush=True)
                await chat.send_text(message, "It rains.", muid=f"answer-{message.id}")


trio.run(main)
