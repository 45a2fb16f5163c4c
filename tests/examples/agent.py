"""Answers with a language model. The answer is one message, which grows by edits while the model writes."""

import json
import os

import httpx2
import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, EventStream, User
from cometconn.errors import CometConnError
from cometconn.events import Group, TextMessage

SERVER = "http://127.0.0.1:9000"
MODEL = os.environ.get("MODEL_URL", "http://127.0.0.1:11434/v1/chat/completions")
EVERY = 1.0  # seconds from one edit of a message to the next
APOLOGY = "Sorry, I cannot answer this at the moment."


class Draft:
    """The message that holds the answer."""

    def __init__(self, chat: CometChat, question: TextMessage) -> None:
        self.chat, self.question, self.muid = chat, question, f"answer-{question.id}"
        self.text, self.due = "", 0.0
        self.sent: TextMessage | None = None

    async def add(self, part: str) -> None:
        self.text += part
        if self.text and trio.current_time() >= self.due:
            await self.show(f"{self.text} …")

    async def show(self, text: str) -> None:
        await trio.sleep_until(self.due)
        if self.sent is None:
            with trio.CancelScope(shield=True):  # a message that may have been sent is known afterwards
                self.sent = await self.chat.reply(self.question, text, muid=self.muid)
        else:
            await self.chat.edit(self.sent, text)
        self.due = trio.current_time() + EVERY


class Agent:
    def __init__(self, chat: CometChat, me: User, http: httpx2.AsyncClient) -> None:
        self.chat, self.me, self.http = chat, me, http
        self.running: dict[tuple[str, str], trio.CancelScope] = {}

    async def run(self) -> None:
        async with (
            self.chat.events(TextMessage, markers=False, acknowledge="call") as messages,
            trio.open_nursery() as nursery,
        ):
            async for message in messages:
                if not self.is_for_me(message):
                    messages.acknowledge(message)
                    continue
                place = (message.conversation_id, message.sender.uid)
                if older := self.running.get(place):
                    older.cancel()
                self.running[place] = trio.CancelScope()
                nursery.start_soon(self.answer, messages, message, self.running[place])

    def is_for_me(self, message: TextMessage) -> bool:
        """Return whether another user wrote it, in a group only if the agent is mentioned."""
        named = not isinstance(message.receiver, Group) or self.me.uid in {user.uid for user in message.mentions}
        return named and message.sender.uid != self.me.uid and message.text != ""

    async def answer(self, messages: EventStream[TextMessage], message: TextMessage, scope: trio.CancelScope) -> None:
        draft = Draft(self.chat, message)
        try:
            try:
                with scope:
                    async with self.chat.typing(message):
                        await self.ask(await self.context(draft), draft)
                if scope.cancelled_caught:
                    draft.text += " [interrupted]"
            except (httpx2.HTTPError, ValueError) as error:
                print(f"Message {message.id}: the model failed: {error!r}", flush=True)
                draft.text = APOLOGY
            if draft.sent or not scope.cancelled_caught:
                await draft.show(draft.text)
        except CometConnError as error:
            print(f"Message {message.id} is not answered: {error}", flush=True)
        messages.acknowledge(message)
        place = (message.conversation_id, message.sender.uid)
        if self.running[place] is scope:
            del self.running[place]

    async def context(self, draft: Draft) -> list[dict[str, str]]:
        """Return the conversation up to the question, in the model's form, and find an answer that was begun before."""
        asked, texts = draft.question, (TextMessage,)
        group = asked.receiver if isinstance(asked.receiver, Group) else None
        user = None if group else asked.sender
        said = [{"role": "user", "content": asked.text}]
        async for older in self.chat.messages.history(user=user, group=group, before=asked, kinds=texts, limit=20):
            if older.text:
                said.append({"role": "assistant" if older.sender.uid == self.me.uid else "user", "content": older.text})
        async for newer in self.chat.messages.history(user=user, group=group, after=asked, kinds=texts, limit=20):
            if newer.sender.uid == self.me.uid and newer.muid == draft.muid:
                draft.sent = newer
        return said[::-1]

    async def ask(self, said: list[dict[str, str]], draft: Draft) -> None:
        """Request the answer, which comes as server-sent events in OpenAI's form."""
        request = {"model": "default", "messages": said, "stream": True}
        last = ""
        async with self.http.stream("POST", MODEL, json=request) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                match json.loads(line[6:]) if line.startswith("data: {") else None:
                    case {"choices": [{"delta": {"content": str(part)}}]}:
                        await draft.add(part)
                    case {"error": error}:
                        raise ValueError(error)
                    case _:
                        pass
                last = line or last
        if last != "data: [DONE]" or not draft.text:
            raise ValueError("the answer has no end, or no text")


async def main() -> None:
    endpoints = Endpoints.at(SERVER)  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    async with (
        cometconn.open_client("APP", settings, endpoints=endpoints) as chat,
        httpx2.AsyncClient(timeout=60) as http,
    ):
        me = await chat.login(uid="amy-2", auth_key="KEY")
        await Agent(chat, me, http).run()


if __name__ == "__main__":
    trio.run(main)
