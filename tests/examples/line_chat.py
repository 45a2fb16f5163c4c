"""The other network of `bridge.py`: chat over TCP, one JSON object a line. It stands for IRC, Matrix, Discord and the like.

What the bridge needs of a network is what these have, in one form or another: numbered events that can be fetched again
from a number on, and a key with each new message, which the server accepts once.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

__all__ = ["Event", "RefusedError", "Room", "open_room"]

PAUSE = 1.0
"""Seconds before the next attempt to connect."""


class RefusedError(Exception):
    """The server refuses a request, and would refuse it again."""


@attrs.frozen
class Event:
    """What happened to a message.

    Attributes:
        number: counts the events of the room.
        action: `"say"`, `"edit"` or `"delete"`.
        id: the message's id.
        nick: the member who did it.
        text: the message's text after it.
        key: the key that the message was sent with.
    """

    number: int
    action: str
    id: int
    nick: str
    text: str
    key: str


class Room:
    """A room that the program is in. It connects again when the connection is lost."""

    def __init__(self, nick: str, after: int) -> None:
        self._nick, self._after = nick, after
        self._stream: trio.abc.SendStream | None = None
        self._requests: dict[int, dict[str, Any]] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._answered = trio.lowlevel.ParkingLot()
        self._writing = trio.Lock()
        self._events, self.events = trio.open_memory_channel[Event](100)
        self._last = 0

    async def say(self, text: str, key: str) -> int:
        """Send a message and return its id. A message with the same *key* is sent only once."""
        return await self._request(action="say", text=text, key=key)

    async def edit(self, number: int, text: str) -> None:
        """Change the text of a message."""
        await self._request(action="edit", id=number, text=text)

    async def delete(self, number: int) -> None:
        """Delete a message."""
        await self._request(action="delete", id=number)

    async def _request(self, **words: object) -> int:
        self._last += 1
        number = self._last
        self._requests[number] = {"request": number, **words}
        try:
            async with self._writing:
                await self._write(self._requests[number])
            while number not in self._answers:
                await self._answered.park()
        finally:
            del self._requests[number]
            answer = self._answers.pop(number, {})
        if "error" in answer:
            raise RefusedError(answer["error"])
        return int(answer["id"])

    async def _write(self, words: dict[str, Any]) -> None:
        if self._stream is not None:
            try:
                await self._stream.send_all(json.dumps(words).encode() + b"\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._stream = None  # the next connection repeats it

    async def run(self, host: str, port: int) -> None:
        """Connect again and again."""
        while True:
            try:
                async with await trio.open_tcp_stream(host, port) as stream:
                    await self._converse(stream)
            except (OSError, trio.BrokenResourceError):
                pass
            self._stream = None
            await trio.sleep(PAUSE)

    async def _converse(self, stream: trio.SocketStream) -> None:
        async with self._writing:
            self._stream = stream
            await self._write({"nick": self._nick, "after": self._after})
            for request in list(self._requests.values()):
                await self._write(request)
        held = b""
        async for chunk in stream:
            *lines, held = (held + chunk).split(b"\n")
            for line in lines:
                await self._take(json.loads(line))

    async def _take(self, words: dict[str, Any]) -> None:
        if "number" in words:
            event = Event(**words)
            self._after = event.number
            await self._events.send(event)
        elif words["request"] in self._requests:
            self._answers[words["request"]] = words
            self._answered.unpark_all()


@asynccontextmanager
async def open_room(host: str, port: int, *, nick: str, after: int) -> AsyncGenerator[Room, None]:
    """Be in the room for as long as the block lasts; its events begin with the one behind number *after*."""
    room = Room(nick, after)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.run, host, port)
        yield room
        nursery.cancel_scope.cancel()
