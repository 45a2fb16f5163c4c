"""A support desk: people write to its user, agents answer them from a group. An application, written as users would."""

from __future__ import annotations

import logging
from collections import deque

import attrs

from cometconn import CometChat
from cometconn.errors import CometConnError
from cometconn.events import Gap, Group, TextMessage

log = logging.getLogger("support_desk")


@attrs.define
class SupportDesk:
    """A customer who writes is put in line. An agent sends `next` in the group to get the first one, and `done` to release them.

    In between, the messages of each are passed on to the other.
    """

    group: str = "agents"
    waiting: deque[str] = attrs.field(factory=deque)
    helped_by: dict[str, str] = attrs.field(factory=dict)  # customer's uid: agent's uid

    async def run(self, chat: CometChat) -> None:
        """Serve until the client is left. A user may log in later."""
        async with chat.events(TextMessage) as events:
            async for event in events:
                user = chat.get_logged_in_user()
                if isinstance(event, TextMessage) and user is not None and event.sender.uid != user.uid:
                    await self.take(chat, event)
                elif isinstance(event, Gap) and event.recovered is False:
                    await self.tell_agents(chat, "I was away: somebody may have written to me meanwhile.")

    async def take(self, chat: CometChat, message: TextMessage) -> None:
        """Act upon one message."""
        writer = message.sender.uid
        if isinstance(message.receiver, Group):
            if message.receiver.guid == self.group:
                await self.take_from_agent(chat, writer, message.text)
        elif writer in self.helped_by:
            await self.tell_agents(chat, f"{writer}: {message.text}")
        elif writer not in self.waiting:
            self.waiting.append(writer)
            await self.tell(chat, writer, f"Welcome! You are number {len(self.waiting)} in line.")
            await self.tell_agents(chat, f"{writer} waits: {message.text}")

    async def take_from_agent(self, chat: CometChat, agent: str, text: str) -> None:
        """Act upon a message of an agent in the group."""
        customer = next((customer for customer, helper in self.helped_by.items() if helper == agent), None)
        if customer is not None and text != "done":
            if text != "next":
                await self.tell(chat, customer, text)
        elif customer is not None:
            del self.helped_by[customer]
            await self.tell(chat, customer, "Goodbye!")
        elif text == "next" and self.waiting:
            customer = self.waiting.popleft()
            self.helped_by[customer] = agent
            await self.tell(chat, customer, f"{agent} is here for you.")

    async def tell_agents(self, chat: CometChat, text: str) -> None:
        """Send a text to the group."""
        await self.tell(chat, self.group, text, receiver_type="group")

    async def tell(self, chat: CometChat, to: str, text: str, *, receiver_type: str = "user") -> None:
        """Send a text. If that fails, the text is noted, and the desk goes on."""
        try:
            await chat.send_text(to, text, receiver_type=receiver_type)
        except CometConnError as error:
            log.warning("%s was not told %r: %s", to, text, error)
