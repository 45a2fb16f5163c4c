"""Passes messages, edits and deletions on between a CometChat group and a room of another network, both ways."""

import signal
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial

import line_chat
import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, User
from cometconn.errors import ApiError, CometConnError, SendUncertainError
from cometconn.events import Group, Message, MessageDeleted, MessageEdited, TextMessage

GROUP, NICK = "hikers", "bridge"
PAUSE = 2.0


class Pairs:
    """Which message here is which one there, and how far the room was read: in a file."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.executescript(
            "CREATE TABLE IF NOT EXISTS pairs (here INTEGER PRIMARY KEY, there INTEGER UNIQUE);"
            "CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY, number INTEGER);"
        )

    def add(self, here: int, there: int) -> None:
        self._file.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?)", (here, there))

    def here(self, there: int) -> int | None:
        return self._one("SELECT here FROM pairs WHERE there = ?", there)

    def there(self, here: int) -> int | None:
        return self._one("SELECT there FROM pairs WHERE here = ?", here)

    @property
    def place(self) -> int:
        return self._one("SELECT number FROM place WHERE id = ?", 1) or 0

    @place.setter
    def place(self, number: int) -> None:
        self._file.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (number,))

    def _one(self, query: str, value: int) -> int | None:
        row: tuple[int] | None = self._file.execute(query, (value,)).fetchone()
        return row and row[0]


class Bridge:
    def __init__(self, chat: CometChat, me: User, room: line_chat.Room, pairs: Pairs) -> None:
        self.chat, self.me, self.room, self.pairs = chat, me, room, pairs

    async def find_unsaved(self) -> None:
        """Find the message that had been sent, but not saved in the file, when the program was killed."""
        async for message in self.chat.messages.history(group=GROUP):
            if there := self.sent_for(message):
                if self.pairs.here(there):
                    break
                self.pairs.add(message.id, there)

    def sent_for(self, message: Message) -> int | None:
        """Return the id there of a message that this bridge sent. Only its own user's count: any user can choose any muid."""
        kind, _, number = (message.muid or "").partition("-")
        return int(number) if message.sender.uid == self.me.uid and kind == "room" else None

    async def read_chat(self) -> None:
        """From CometChat to the room. What was not passed on comes again at the next start."""
        async with self.chat.events(TextMessage, MessageEdited, MessageDeleted, markers=False) as events:
            async for event in events:
                try:
                    await self.to_room(event)
                except line_chat.RefusedError as error:
                    print(f"Event {event.id} of CometChat is not passed on: {error}", flush=True)

    async def to_room(self, event: TextMessage | MessageEdited | MessageDeleted) -> None:
        message, by = (event, event.sender) if isinstance(event, TextMessage) else (event.message, event.by)
        if not isinstance(message.receiver, Group) or message.receiver.guid != GROUP or by.uid == self.me.uid:
            return
        there = self.sent_for(message) or self.pairs.there(message.id)
        match event:
            case TextMessage(text=text) if text:
                self.pairs.add(event.id, await self.room.say(f"{by.name}: {text}", key=f"chat-{event.id}"))
            case MessageEdited(message=TextMessage(text=text)) if there:
                await self.room.edit(there, f"{message.sender.name}: {text}")
            case MessageDeleted() if there:
                await self.room.delete(there)
            case _:
                pass

    async def read_room(self) -> None:
        """From the room to CometChat. What was not passed on comes again after the next connection."""
        async for event in self.room.events:
            try:
                await self.to_chat(event)
            except CometConnError as error:
                print(f"Event {event.number} of the room is not passed on: {error}", flush=True)
            self.pairs.place = event.number

    async def to_chat(self, event: line_chat.Event) -> None:
        if event.nick == NICK:
            if event.action == "say":
                self.pairs.add(int(event.key.removeprefix("chat-")), event.id)
            return
        here, text = self.pairs.here(event.id), f"{event.nick}: {event.text}"
        match event.action:
            case "say" if not here:
                send = partial(self.chat.send_text, receiver_type="group", muid=f"room-{event.id}")
                sent = await self.patiently(partial(send, GROUP, text))
                self.pairs.add(sent.id, event.id)
            case "edit" if here:
                await self.patiently(partial(self.chat.edit, here, text))
            case "delete" if here:
                await self.patiently(partial(self.chat.delete, here))
            case _:
                pass

    async def patiently(self, call: Callable[[], Awaitable[Message]]) -> Message:
        """Call until CometChat does it, or refuses it for good."""
        while True:
            try:
                return await call()
            except SendUncertainError as error:  # it may have been sent, which resend() looks for first
                call, delay = partial(self.chat.resend, error), error.retry_after
            except ApiError as error:
                if not error.worth_retrying:
                    raise
                delay = error.retry_after
            await trio.sleep(delay or PAUSE)


async def main() -> None:
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    pairs = Pairs("bridge.sqlite")
    async with (
        cometconn.open_client("APP", settings, endpoints=server) as chat,
        line_chat.open_room("127.0.0.1", 6667, nick=NICK, after=pairs.place) as room,
    ):
        me = await chat.login(uid="zed-1", auth_key="KEY")
        bridge = Bridge(chat, me, room, pairs)
        await bridge.find_unsaved()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bridge.read_chat)
            nursery.start_soon(bridge.read_room)
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                await anext(signals)
            nursery.cancel_scope.cancel()


trio.run(main)
