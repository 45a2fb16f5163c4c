"""Carries out commands: /help, /roll 2d6, /wait 3. Each reply goes to the person or the group that sent the command."""

import random

import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints
from cometconn.errors import CometConnError
from cometconn.events import TextMessage


async def show_help(_: str) -> str:
    return "\n".join(f"/{name}" for name in COMMANDS)


async def roll(words: str) -> str:
    dice, sides = (int(number) for number in (words or "1d6").split("d"))
    return str(sum(random.randint(1, sides) for _ in range(min(dice, 100))))


async def wait(words: str) -> str:
    await trio.sleep(min(float(words), 60))
    return f"{words} s are over."


COMMANDS = {"help": show_help, "roll": roll, "wait": wait}


async def handle(chat: CometChat, message: TextMessage) -> None:
    name, _, words = message.text.removeprefix("/").partition(" ")
    async with chat.typing(message):
        try:
            reply = await COMMANDS.get(name, show_help)(words.strip())
        except (TypeError, ValueError) as error:
            reply = f"/{name} cannot be carried out: {error}."
        await chat.reply(message, reply)
    await chat.mark_as_read(message)


async def main() -> None:
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    async with cometconn.open_client("APP", AppSettings(region="us", catch_up=True), endpoints=server) as chat:
        me = await chat.login(uid="amy-2", auth_key="KEY")
        async with chat.events(TextMessage, markers=False) as messages:
            async for message in messages:
                if message.sender.uid != me.uid and message.text.startswith("/"):
                    try:
                        await handle(chat, message)
                    except CometConnError as error:
                        print(f"Message {message.id} was not handled: {error}", flush=True)


trio.run(main)
