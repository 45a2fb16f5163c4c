"""Passes messages on between a CometChat group and a Discord channel, in both directions."""

import asyncio
import os

import discord

from cometconn import AppSettings, Endpoints, User, aio
from cometconn.errors import CometConnError
from cometconn.events import Group, TextMessage

SERVER = os.environ.get("CHAT_SERVER", "http://127.0.0.1:9000")
GROUP = "hikers"
CHANNEL = int(os.environ["DISCORD_CHANNEL"])


class Bridge(discord.Client):
    """The Discord bot, with the CometChat client that it shares a loop with."""

    def __init__(self, chat: aio.CometChat, me: User) -> None:
        intents = discord.Intents.default()
        intents.message_content = True  # switch it on in Discord's developer portal, too
        super().__init__(intents=intents, allowed_mentions=discord.AllowedMentions.none())
        self.chat, self.me = chat, me

    async def on_message(self, message: discord.Message) -> None:
        """From Discord to CometChat. discord.py calls it in a task for each message."""
        if message.channel.id != CHANNEL or message.author.bot or not message.clean_content:
            return
        text = f"{message.author.display_name}: {message.clean_content}"
        try:
            await self.chat.send_text(GROUP, text, receiver_type="group", muid=f"discord-{message.id}")
        except CometConnError as error:
            print(f"Discord's message {message.id} is not passed on: {error}", flush=True)

    async def read_chat(self) -> None:
        """From CometChat to Discord, one message after the other."""
        await self.wait_until_ready()
        channel = await self.fetch_channel(CHANNEL)
        assert isinstance(channel, discord.TextChannel)
        async with self.chat.events(TextMessage, markers=False) as messages:
            async for message in messages:
                match message.receiver:
                    case Group(guid=guid) if guid == GROUP and message.sender.uid != self.me.uid:
                        text = discord.utils.escape_markdown(f"{message.sender.name}: {message.text}")
                        await channel.send(text[:2000])  # Discord's limit


async def main() -> None:
    server = Endpoints.at(SERVER)  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    async with aio.open_client("APP", settings, endpoints=server) as chat:
        me = await chat.login(uid="zed-1", auth_key="KEY")
        async with Bridge(chat, me) as bridge, asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(bridge.read_chat())
            await bridge.start(os.environ["DISCORD_TOKEN"])  # until it is closed
            reader.cancel()


asyncio.run(main())
