"""A stand-in for discord.py, as far as `discord_bridge.py` uses it: a channel on standard input and standard output.

Python finds it instead of discord.py, because it is beside the program. Each line of standard input is a message that
somebody writes in Discord; each line of standard output is one that the bridge writes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Self

import attrs

__all__ = ["AllowedMentions", "Client", "Intents", "Member", "Message", "TextChannel", "utils"]


@attrs.define
class Intents:
    """What the bot wants to receive."""

    message_content: bool = False

    @classmethod
    def default(cls) -> Intents:
        """Without the contents of messages."""
        return cls()


@attrs.frozen
class AllowedMentions:
    """Whom a message may notify."""

    everyone: bool = True

    @classmethod
    def none(cls) -> AllowedMentions:
        """No one."""
        return cls(everyone=False)


@attrs.frozen
class Member:
    """An author."""

    display_name: str
    bot: bool


@attrs.frozen
class TextChannel:
    """A channel."""

    id: int

    async def send(self, content: str) -> None:
        """Write a message."""
        await asyncio.sleep(0)
        print(json.dumps({"channel": self.id, "content": content}), flush=True)


@attrs.frozen
class Message:
    """A message in Discord."""

    id: int
    channel: TextChannel
    author: Member
    clean_content: str


class utils:  # noqa: N801 - a module there
    """Helpers."""

    @staticmethod
    def escape_markdown(text: str) -> str:
        """Escape what Discord would format."""
        return text.replace("*", r"\*")


class Client:
    """A bot."""

    def __init__(self, *, intents: Intents, allowed_mentions: AllowedMentions) -> None:
        assert intents.message_content, "without it, messages would be empty"
        assert not allowed_mentions.everyone
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)

    async def wait_until_ready(self) -> None:
        """Wait for the connection."""
        await self._ready.wait()

    async def fetch_channel(self, number: int) -> TextChannel:
        """Return a channel."""
        await asyncio.sleep(0)
        return TextChannel(number)

    async def on_message(self, message: Message) -> None:
        """For the bot to define."""

    async def start(self, token: str) -> None:
        """Run until the end of the input."""
        assert token == "TOKEN"
        self._ready.set()
        async with asyncio.TaskGroup() as tasks:
            while line := await asyncio.to_thread(sys.stdin.readline):
                written = json.loads(line)
                author = Member(written["author"], written.get("bot", False))
                message = Message(written["id"], TextChannel(written["channel"]), author, written["content"])
                tasks.create_task(self.on_message(message))
